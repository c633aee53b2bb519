#include "fleet/stack/calendar_text.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

using namespace std::chrono;

const WallTime kSunday = sys_days{year{2026} / month{11} / day{22}} + 9h;

std::string next_of(std::string_view text) {
  const auto calendar = parse_calendar(text);
  if (!calendar) return calendar.error();
  const auto at = next(*calendar, Zone{}, kSunday);
  if (!at) return "never";
  const auto days = floor<std::chrono::days>(*at);
  const year_month_day date{days};
  char out[40];
  std::snprintf(out, sizeof out, "%d-%02u-%02u %02d:%02d", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(duration_cast<hours>(*at - days).count()),
                int(duration_cast<minutes>(*at - days).count() % 60));
  return out;
}

TEST(CalendarText, what_users_write) {
  const std::pair<const char*, const char*> rows[] = {
      {"2026-12-31 20:00", "2026-12-31 20:00"},
      {"2024-02-29 20:00", "never"},
      {"20:00", "2026-11-22 20:00"},
      {"08:59", "2026-11-23 08:59"},
      {"9:00", "2026-11-23 09:00"},
      {"Sat 18:30", "2026-11-28 18:30"},
      {"sun 18:30", "2026-11-22 18:30"},
      {"Mon-Fri 09:00", "2026-11-23 09:00"},
      {"Fri-Mon 09:00", "2026-11-23 09:00"},
      {"Tue,Thu 09:00", "2026-11-24 09:00"},
      {"30 18 * * 6", "2026-11-28 18:30"},
      {"30 18 * * sat,7", "2026-11-22 18:30"},
      {"*/15 * * * *", "2026-11-22 09:15"},
      {"5/20 * * * *", "2026-11-22 09:05"},
      {"0 0 1 jan-mar *", "2027-01-01 00:00"},
      {"0 0 29 2 *", "2028-02-29 00:00"},
      {"0 12 13 * fri", "2026-11-27 12:00"},
      {"  0   12 *  * * ", "2026-11-22 12:00"},
  };
  for (const auto& [text, then] : rows) EXPECT_EQ(next_of(text), then) << text;
}

TEST(CalendarText, mistakes_are_told) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "a time is a date and a time"},
      {"tomorrow", "`tomorrow` is not a time such as 18:30"},
      {"25:00", "the hour 25 is not within 0 to 23"},
      {"18:60", "the minute 60 is not within 0 to 59"},
      {"18:5", "is not a time such as 18:30"},
      {"Someday 18:30", "`Someday` is not a weekday: say a number or a name such as mon"},
      {"2026-02-30 20:00", "there is no day `2026-02-30`"},
      {"0 0 30 2 *", "no such day ever comes"},
      {"0 0 5-2 * *", "`5-2` ends before it begins"},
      {"*/0 * * * *", "`*/0` has no step above 0"},
      {"60 * * * *", "the minute 60 is not within"},
      {"-1 * * * *", "`` is not a minute"},
      {"1 2 3", "a time is a date and a time"},
      {"a b c d e", "`a` is not a minute"},
  };
  for (const auto& [text, what] : rows) {
    const auto calendar = parse_calendar(text);
    ASSERT_FALSE(calendar) << text;
    EXPECT_NE(calendar.error().find(what), std::string::npos) << text << ": " << calendar.error();
  }
  EXPECT_FALSE(parse_calendar(std::string(1'000'000, '*')));
}

}  // namespace
}  // namespace utakata
