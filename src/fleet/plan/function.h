// function: so many as a user's own program said last, while that is fresh. Pure.
#pragma once

#include <string>

#include "fleet/model/plan.h"
#include "fleet/model/rule.h"
#include "fleet/plan/sample.h"

namespace utakata {

Proposal propose_function(const std::string& name, const FunctionRule& rule, const Sample& sample);

}  // namespace utakata
