// at: so many instances at given local times. The only rules that read the wall clock. Pure; no
// memory: whether it is time now follows from the calendar alone, so a restart in the middle of a
// show changes nothing.
#pragma once

#include <string>

#include "fleet/model/plan.h"
#include "fleet/model/rule.h"
#include "fleet/plan/sample.h"

namespace utakata {

// From the latest occurrence of `at` to the first of `until` after it, or for as long as `for`
// says, it wants `min`; otherwise it has no opinion and says when it will.
Proposal propose_schedule(const std::string& name, const ScheduleRule& rule, const Sample& sample);

}  // namespace utakata
