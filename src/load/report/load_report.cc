#include "load/report/load_report.h"

#include <algorithm>

namespace utakata::load {

std::string_view to_text(LoadEnd end) {
  switch (end) {
    case LoadEnd::done:
      return "done";
    case LoadEnd::stopped:
      return "stopped";
    case LoadEnd::aborted:
      return "aborted";
  }
  return "?";
}

bool LoadReport::is_kept() const {
  return std::ranges::all_of(thresholds, [](const auto& one) { return one.verdict.is_kept; });
}

}  // namespace utakata::load
