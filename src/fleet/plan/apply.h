// What an action makes of the fleet, once it is recorded. Pure; the only place where a lifecycle
// changes by our own will.
#pragma once

#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"

namespace utakata {

// Returns the instance as it is after the action: a new one for a launch or an adoption. `fleet` is
// left as it is.
Instance after(const Fleet& fleet, const Action& action, Instant now);

// Puts that instance into the fleet; raises `next_number` past a launched one.
void put(Fleet& fleet, const Instance& instance);

const InstanceId& id_of(const Action& action);
const std::string& because_of(const Action& action);
// Of a step towards the wanted size: why the plan has no more of it; of others: nothing.
std::string what_limits(const Action& action, const Plan& plan);
const char* kind_of(const Action& action);  // "launch drain resume stop suspect trust adopt"

}  // namespace utakata
