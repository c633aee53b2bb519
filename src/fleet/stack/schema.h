// The JSON Schema of the stack file (draft 7), for completion in editors. Made from the parser's
// own table of keys.
#pragma once

#include <string>
#include <vector>

#include "fleet/stack/keys.h"

namespace utakata {

std::string stack_schema();

// Every section of the file with its keys; the first is the file itself.
std::vector<Section> stack_file_sections();

}  // namespace utakata
