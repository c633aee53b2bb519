// What a terminal shows while a run goes on: one screen. Pure.
#pragma once

#include <string>
#include <vector>

#include "load/report/load_report.h"
#include "load/report/load_state.h"
#include "load/view/recent.h"
#include "load/view/view_lines.h"

namespace utakata::load {

// One less than `size.rows` at most: the cursor stands below. O(series x metrics), some ms.
std::vector<ViewLine> view_of(const LoadReport& so_far, const LoadState& state,
                              const Recent& recent, const ViewSize& size);

// For where there is no terminal: "1:23 of 5:00: 980 of 1,000 users, 980 sockets, 120 requests/s,
// p(95) of `echo` 3.4 ms, 12 x HTTP connect".
std::string progress_line(const LoadReport& so_far, const LoadState& state, const Recent& recent);

}  // namespace utakata::load
