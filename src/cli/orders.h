// An operator's order to the controller: sent, and its answer said.
#pragma once

#include <string>

#include "cli/target.h"

namespace utakata {

// POSTs `body` to the stack's `path`; prints the answer's sentence, or all of it with --json.
// Returns the exit code.
int give_order(const Target& target, const std::string& path, const std::string& body);

}  // namespace utakata
