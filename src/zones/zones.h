// The host's table of time zones, by name, as values for those who may not read it themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/calendar.h"

namespace utakata {

// "Asia/Tokyo", from a year ago as far as the tables go (2037 where clocks are put); none: there is
// no such zone here. Reads the host's tables (tzdata) at its first call. Any thread.
std::optional<Zone> load_zone(std::string_view name);

// Of all of them, sorted. Any thread.
std::vector<std::string> zone_names();

}  // namespace utakata
