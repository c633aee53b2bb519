// Promises 1 and 2: when a draining instance may be stopped, and which one leaves first. Pure.
#pragma once

#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"

namespace utakata {

// Stops for draining instances that are proven empty, or whose deadline has passed.
std::vector<Action> drain_finish(const Fleet& fleet, Instant now);

// The `wanted` best victims among the serving ones, best first: sick, old version, crowded zone
// (or host: `spread`; by those that start or serve there), then fewest (connections + holds +
// keys), then youngest; never one without a fresh count. May be fewer than wanted. `old_only`: only
// instances of another version than the file's.
std::vector<InstanceId> drain_pick(const Fleet& fleet, int wanted, bool old_only, Instant now);

// A count is fresh for two periods.
bool has_fresh_count(const Instance& instance, const ClusterSpec& spec, Instant now);

}  // namespace utakata
