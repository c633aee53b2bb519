// Reads `scenarios`: who does what, by weight or each in numbers of its own.
#pragma once

#include <optional>
#include <vector>

#include "load/plan/plan_model.h"
#include "load/plan/plan_reader.h"

namespace utakata::load {

// `shared`: what stands beside `scenarios` and says how many users there are in all; nothing where
// nothing does, or where it could not be read (then `is_shared` is still true).
std::vector<LoadFlow> read_scenarios(PlanReader& reader, const PlanValue& at, bool is_shared,
                                     std::optional<LoadModel> shared);

}  // namespace utakata::load
