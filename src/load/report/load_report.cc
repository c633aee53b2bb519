#include "load/report/load_report.h"

#include <algorithm>

#include "load/report/load_state.h"

namespace utakata::load {

std::string_view to_text(LoadEnd end) {
  switch (end) {
    case LoadEnd::done:
      return "done";
    case LoadEnd::stopped:
      return "stopped";
    case LoadEnd::aborted:
      return "aborted";
    case LoadEnd::broken:
      return "broken";
  }
  return "?";
}

std::string_view to_text(LoadPhase phase) {
  switch (phase) {
    case LoadPhase::loading:
      return "loading";
    case LoadPhase::setting_up:
      return "setting up";
    case LoadPhase::running:
      return "running";
    case LoadPhase::stopping:
      return "stopping";
    case LoadPhase::tearing_down:
      return "tearing down";
    case LoadPhase::ended:
      return "ended";
  }
  return "?";
}

bool LoadReport::is_kept() const {
  return std::ranges::all_of(thresholds, [](const auto& one) { return one.verdict.is_kept; });
}

}  // namespace utakata::load
