// target: so much of a number on each instance, and no more. Pure; no memory, so it needs no pause.
#pragma once

#include <span>
#include <string>

#include "fleet/model/plan.h"
#include "fleet/model/rule.h"
#include "fleet/plan/sample.h"

namespace utakata {

// Of connections: want = ceil(demand / each), the demand as in demand.h. Of any other number:
// want = ceil(sum of what serving instances tell / each); those that do not tell it keep their
// place. Never more than `max` can be meant by a number that is mad: the arbiter sees to that.
Proposal propose_target(const std::string& name, const TargetRule& rule, const Sample& sample,
                        std::span<const std::string> metrics);

}  // namespace utakata
