// `-p name=value`, as often as one likes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/problem.h"

namespace utakata {

// `invalid`: one has no `=`, or a name stands twice.
Expected<std::map<std::string, std::string>> parameters_from(const std::vector<std::string>& words);

}  // namespace utakata
