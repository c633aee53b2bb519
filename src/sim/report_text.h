// A simulated day as a table for a terminal: plain text, at most 100 columns, safe to print
// whatever the names in it are. Pure.
#pragma once

#include <string>
#include <string_view>

#include "sim/result.h"

namespace utakata {

std::string to_text(const SimResult& result);

// Side by side; a cluster that only one of them has stands beside dashes.
std::string to_text(const SimResult& a, const SimResult& b, std::string_view name_a,
                    std::string_view name_b);

}  // namespace utakata
