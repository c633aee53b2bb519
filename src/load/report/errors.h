// Which of what was measured are errors, by kind and phase. Pure.
//
// Errors are the counters `errors` (what a scenario threw), `http_errors` and `ws_errors`, by their
// tags `phase` and `error`; and of `ws_closed` what the other side closed by another code than
// 1000, 1001 or 1005. (1006 is on no wire: what was cut is among ws_errors, and what we gave up is
// no error.) What made a request fail may have made the scenario throw, too: kinds stand side by
// side and are no sum.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/statistics/metrics.h"

namespace utakata::load {

struct LoadErrors {
  std::string kind;   // "scenario", "HTTP", "WebSocket"
  std::string where;  // "connect refused", "status 503", "closed 4301"
  double count = 0;
  std::string words() const { return where.empty() ? kind : kind + " " + where; }
  bool operator==(const LoadErrors&) const = default;
};

// The most frequent first; none that did not happen. O(series).
std::vector<LoadErrors> errors_in(const Metrics& metrics);
// Those of them that are no server's doing: this machine had no port, address, descriptor or memory
// left (`error` is `ports`, `source` or `local`). By that word.
std::vector<LoadErrors> own_errors_in(const Metrics& metrics);
// Is it shown as errors, rather than among the counters?
bool is_of_errors(std::string_view metric);

}  // namespace utakata::load
