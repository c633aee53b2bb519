// How much of a plan there is at once: what a host must be able to hold. Pure.
#pragma once

#include <cstdint>

#include "load/plan/load_plan.h"

namespace utakata::load {

struct LoadPeak {
  // Of closed models: at once, all flows that overlap together (to one a flow). Who is asked to end
  // and is still busy is not counted, nor are sockets that outlive an iteration.
  std::int64_t users = 0;
  // Of open models. How many of them are there at once hangs on how long they stay, which no plan
  // says.
  double arrivals_per_second = 0;  // at most
  std::int64_t arrivals = 0;       // in all
  // Of both: how many begin.
  double begins_per_second = 0;      // in ramps and arrivals, at most
  std::int64_t begins_together = 0;  // at the same moment: a step, or the start
  bool operator==(const LoadPeak&) const = default;
};

LoadPeak peak(const LoadPlan& plan);  // O(stages of all flows, squared)

}  // namespace utakata::load
