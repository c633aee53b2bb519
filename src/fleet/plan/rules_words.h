// Numbers as rules say them to people. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "fleet/model/rule.h"

namespace utakata {

std::string grouped(std::int64_t n);        // "1,240"
std::string plain(double number);           // "431.5", at most three decimals, "unknown" of NaN
std::string to_text(const Amount& amount);  // "30 %", "200"

}  // namespace utakata
