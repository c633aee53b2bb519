// Numbers as rules say them to people. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/calendar.h"
#include "fleet/model/rule.h"

namespace utakata {

std::string grouped(std::int64_t n);        // "1,240"
std::string plain(double number);           // "431.5", at most three decimals, "unknown" of NaN
std::string to_text(const Amount& amount);  // "30 %", "200"
// "2026-12-31 20:00" as clocks of the zone show it.
std::string shown(const Zone& zone, WallTime at);

}  // namespace utakata
