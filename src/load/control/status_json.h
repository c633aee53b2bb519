// How a run stands, as JSON for whoever asks while it goes on. Pure.
#pragma once

#include <string>

#include "load/report/load_report.h"
#include "load/report/load_state.h"
#include "load/view/recent.h"

namespace utakata::load {

// Times end in `_s` or `_ms`, as they are; what is not known is null. `recent` is of the last
// Recent::window seconds, `per_s` of the last one. A line, with its end. O(series x metrics).
std::string status_json(const LoadReport& so_far, const LoadState& state, const Recent& recent);

}  // namespace utakata::load
