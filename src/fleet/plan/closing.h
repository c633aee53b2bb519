// Asking clients to go elsewhere: of draining instances all, at `drain.pace`; of those far above
// the others, after a scale-out, so many as are too much (`rebalance`). Pure.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"

namespace utakata {

struct ClosingLimits {
  std::string over_budget;    // disconnect_budget.h: nobody is asked; empty: there is some left
  bool may_rebalance = true;  // false: nothing was added lately, or it was done a moment ago
};

struct ClosingResult {
  std::vector<Action> actions;  // CloseAction
  std::string held_back;
};

// A draining one begins when placement has let go of it, and as far as the others have seats for
// its clients. An instance above (1 + skew) x the mean sheds what is above that, the fullest first,
// all together at most `rebalance.pace` a second for `rebalance_every`; never one with rooms on it.
ClosingResult closing(const Fleet& fleet, const ClosingLimits& limits, Instant now);

inline constexpr Duration rebalance_every{10s};
inline constexpr Duration rebalance_after{900s};  // a scale-out: then it is what it is

}  // namespace utakata
