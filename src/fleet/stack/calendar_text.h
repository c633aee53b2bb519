// The text of an `at:` or `until:` into a Calendar:
//
//   "2026-12-31 20:00"     once
//   "20:00"                every day
//   "Sat 18:30", "Mon-Fri 09:00", "Sat,Sun 12:00"
//   "30 18 * * sat"        five fields as in crontab(5): minute hour day month weekday, each `*`, a
//   number, a range, a
//                          list of those, and steps such as */15; months and weekdays also by name;
//                          7 is Sunday too
//
// Pure. Hostile text is refused in linear time.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/calendar.h"

namespace utakata {

// A problem is the rest of a sentence: "the hour 25 is not within 0 to 23".
std::expected<Calendar, std::string> parse_calendar(std::string_view text);

}  // namespace utakata
