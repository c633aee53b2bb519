#include "load/report/load_report.h"

#include <algorithm>

namespace utakata::load {

bool LoadReport::is_kept() const {
  return std::ranges::all_of(thresholds, [](const auto& one) { return one.verdict.is_kept; });
}

}  // namespace utakata::load
