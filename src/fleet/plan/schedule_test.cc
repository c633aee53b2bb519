#include "fleet/plan/schedule.h"

#include <gtest/gtest.h>

#include "fleet/stack/calendar_text.h"

namespace utakata {
namespace {

using namespace std::chrono;

const Zone kTokyo{.name = "Asia/Tokyo", .periods = {{WallTime::min(), 9h}}};

ScheduleRule rule(std::string_view at, std::string_view until, Duration lasts = {}) {
  ScheduleRule made{
      .at = parse_calendar(at).value(), .until = {}, .lasts = lasts, .zone = kTokyo, .min = 10};
  if (!until.empty()) made.until = parse_calendar(until).value();
  return made;
}

// By the clocks of Tokyo; 2026-11-28 is a Saturday.
Proposal on(unsigned day, minutes time, const ScheduleRule& rule) {
  Sample sample;
  sample.wall = sys_days{year{2026} / month{11} / std::chrono::day{day}} + time - 9h;
  return propose_schedule("show", rule, sample);
}

TEST(Schedule, every_saturday_night) {
  const auto saturday = rule("Sat 18:30", "Sat 21:30");
  EXPECT_EQ(on(28, 18h + 29min, saturday),
            (Proposal{"show", std::nullopt, "next at 2026-11-28 18:30 Asia/Tokyo"}));
  EXPECT_EQ(
      on(28, 18h + 30min, saturday),
      (Proposal{"show", 10, "from 2026-11-28 18:30 to 2026-11-28 21:30 Asia/Tokyo: at least 10"}));
  EXPECT_EQ(on(28, 21h + 29min, saturday).want, 10);
  EXPECT_EQ(on(28, 21h + 30min, saturday).want, std::nullopt);
}

TEST(Schedule, a_night_goes_over_midnight) {
  const auto night = rule("22:00", "02:00");
  EXPECT_EQ(on(28, 21h, night).want, std::nullopt);
  EXPECT_EQ(on(28, 23h, night).want, 10);
  EXPECT_EQ(on(29, 1h, night).want, 10);
  EXPECT_EQ(on(29, 2h, night).want, std::nullopt);
}

TEST(Schedule, for_a_time) {
  const auto show = rule("30 18 * * sat", "", 3h);
  EXPECT_EQ(on(28, 21h + 29min, show).want, 10);
  EXPECT_EQ(on(28, 21h + 30min, show).want, std::nullopt);
}

TEST(Schedule, once_and_never_again) {
  const auto once = rule("2026-11-28 20:00", "2026-11-28 23:00");
  EXPECT_EQ(on(28, 20h, once).want, 10);
  EXPECT_EQ(on(28, 23h, once).because, "2026-11-28 20:00 is over and does not come again");
  EXPECT_EQ(on(29, 20h, rule("2026-11-28 20:00", "2026-11-28 19:00")).want, 10)
      << "an end before the beginning ends nothing; the file's reader refuses it";
}

}  // namespace
}  // namespace utakata
