// Many days at once: forked over the cores, so that one that crashes takes no other with it.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/run.h"
#include "tally.h"

namespace utakata {

// A day whole, its clocks too where it can be; the first broken promise that begins so (empty:
// any).
DayReport lived(const SimOptions& day, const std::string& promise = {});

struct CrewOptions {
  std::uint64_t first = 1, count = 0;
  int jobs = 1;
  int controllers = 0;  // only days with so many, 2: or more; 0: all
  std::string promise;  // only this one counts as broken; empty: all
  // Of each day as it ends; false: enough. A day that crashed is broken by "a crash".
  std::function<bool(const DayReport&)> on_day;
};
void live(const CrewOptions& options);

}  // namespace utakata
