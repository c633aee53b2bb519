// What the present clients need: the part that headroom.h and target.h share. Pure.
//
// An unknown count is not zero. A serving instance whose count was known and went stale is taken to
// be full. One that never told any (just up, or its probe is wrong) holds its own place and no
// more: such instances keep the fleet from shrinking, but can never make it grow, or a broken count
// would fill the cluster up to `max` with more of the same. Silent ones are out of the size, and
// their clients, by the last count, will be back: they need seats too.
#pragma once

#include <cstdint>
#include <string>

#include "fleet/model/plan.h"
#include "fleet/plan/sample.h"

namespace utakata {

struct Demand {
  std::int64_t seats = 0;
  std::string words;  // "1,240 connections + 12 held"
  std::string lost;   // " + 2 of unknown count, taken as full,"
};
Demand demand_of(const Sample& sample);

// No opinion, where instances serve and none of them tells its count.
bool is_untold(const Sample& sample);
Proposal untold(const std::string& rule, const Sample& sample);

// `need` instances for what is known, and their places for the `unknown` ones. `because` says the
// need.
Proposal sized(const std::string& rule, std::int64_t need, int unknown, const Sample& sample,
               std::string because);

}  // namespace utakata
