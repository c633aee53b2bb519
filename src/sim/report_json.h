// A simulated day as JSON, with everything in it: for scripts, notebooks and other charts. Pure.
#pragma once

#include <string>

#include "sim/result.h"

namespace utakata {

// One object in a fixed order of keys, ended by a newline. Units are in the names (`at_ms` since
// the beginning); activities are as in the API. `cost` is null where no price is known. Text that
// is not UTF-8 gets U+FFFD, a number that is none becomes null.
std::string to_json(const SimResult& result);

}  // namespace utakata
