// What is allowed in a stack file and yet hardly meant. Pure.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/stack.h"

namespace utakata {

// Sentences with a remedy, in the file's order:
// - rules that wind up: `max(connections) > 400` with `add`. Sockets stay where they are, so more
//   instances do not make it less, and the rule goes on up to `max`.
// - numbers that are nearly one that is known (`conections`), or bear an aggregate's name
//   (`avg(count)`): what instances tell is not known here, so these may be meant.
// - rules of `at` and shows that are over at `now`, or never end, and shows of more people than
// fit.
std::vector<std::string> advice_on(const Stack& stack, WallTime now);

}  // namespace utakata
