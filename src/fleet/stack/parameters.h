// `parameters:` of a stack file, and the values that `-p` gave them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fleet/stack/keys.h"

namespace utakata {

// Fills reader.parameters. `y` may be null. Mistakes: a wrong type, no value at all, a `-p` that
// names none (no place).
void read_parameters(Reader& reader, const Yaml* y,
                     const std::map<std::string, std::string>& given);

Section parameter_section();

}  // namespace utakata
