// What is allowed in a stack file and yet hardly meant. Pure.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/stack.h"

namespace utakata {

// Sentences with a remedy, in the file's order:
// - rules that wind up: `max(connections) > 400` with `add`. Sockets stay where they are, so more
//   instances do not make it less, and the rule goes on up to `max`.
std::vector<std::string> advice_on(const Stack& stack);

}  // namespace utakata
