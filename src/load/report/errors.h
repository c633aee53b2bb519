// Which of what was measured are errors, by kind and phase. Pure.
//
// Errors are the counters `errors` (what a scenario threw), `http_errors` and `ws_errors`, by their
// tags `phase` and `code`; and of `ws_closed` what did not come to be open, and what was closed by
// another code than 1000, 1001 or 1005. What made a request fail may have made the scenario throw,
// too: kinds stand side by side and are no sum.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/statistics/metrics.h"

namespace utakata::load {

struct LoadErrors {
  std::string kind;   // "scenario", "HTTP", "WebSocket"
  std::string where;  // "connect", "closed 1006"
  double count = 0;
  std::string words() const { return where.empty() ? kind : kind + " " + where; }
  bool operator==(const LoadErrors&) const = default;
};

// The most frequent first; none that did not happen. O(series).
std::vector<LoadErrors> errors_in(const Metrics& metrics);
// Is it shown as errors, rather than among the counters?
bool is_of_errors(std::string_view metric);

}  // namespace utakata::load
