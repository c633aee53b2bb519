#include "base/calendar.h"

#include <gtest/gtest.h>

#include <random>

namespace utakata {
namespace {

using namespace std::chrono;

WallTime utc(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
  return sys_days{year{y} / month{m} / day{d}} + hours{h} + minutes{min};
}
LocalMinute local(int y, unsigned m, unsigned d, int h, int min) {
  return local_days{year{y} / month{m} / day{d}} + hours{h} + minutes{min};
}

// As Central Europe in 2026: forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC.
const Zone kBerlin{
    .name = "Berlin",
    .periods = {{WallTime::min(), 1h}, {utc(2026, 3, 29, 1), 2h}, {utc(2026, 10, 25, 1), 1h}}};

Calendar at(int hour, int minute) {
  Calendar calendar;
  calendar.days.set(), calendar.months.set(), calendar.weekdays.set();
  calendar.hours.set(std::size_t(hour)), calendar.minutes.set(std::size_t(minute));
  return calendar;
}

TEST(Calendar, the_hour_that_does_not_exist_is_the_moment_of_the_jump) {
  EXPECT_EQ(to_wall(kBerlin, local(2026, 3, 29, 1, 59)), utc(2026, 3, 29, 0, 59));
  EXPECT_EQ(to_wall(kBerlin, local(2026, 3, 29, 2, 30)), utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(to_wall(kBerlin, local(2026, 3, 29, 3, 0)), utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(latest(at(2, 30), kBerlin, utc(2026, 3, 29, 12)), utc(2026, 3, 29, 1, 0));
}

TEST(Calendar, of_the_hour_that_comes_twice_the_first) {
  EXPECT_EQ(to_wall(kBerlin, local(2026, 10, 25, 2, 30)), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(to_wall(kBerlin, local(2026, 10, 25, 3, 0)), utc(2026, 10, 25, 2, 0));
  // 02:10 for the second time; 02:30 was 40 minutes ago.
  EXPECT_EQ(latest(at(2, 30), kBerlin, utc(2026, 10, 25, 1, 10)), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(next(at(2, 30), kBerlin, utc(2026, 10, 25, 1, 10)), utc(2026, 10, 26, 1, 30));
}

TEST(Calendar, once_is_before_and_after) {
  Calendar once;
  once.once = local(2026, 12, 31, 20, 0);
  EXPECT_EQ(latest(once, kBerlin, utc(2026, 12, 31, 18, 59)), std::nullopt);
  EXPECT_EQ(next(once, kBerlin, utc(2026, 12, 31, 18, 59)), utc(2026, 12, 31, 19));
  EXPECT_EQ(latest(once, kBerlin, utc(2026, 12, 31, 19)), utc(2026, 12, 31, 19));
  EXPECT_EQ(next(once, kBerlin, utc(2026, 12, 31, 19)), std::nullopt);
}

TEST(Calendar, a_29th_of_february_is_found_and_a_30th_is_not) {
  Calendar leap = at(12, 0);
  leap.is_any_day = false;
  leap.days.reset().set(29), leap.months.reset().set(2);
  EXPECT_EQ(next(leap, Zone{}, utc(2096, 3, 1)), utc(2104, 2, 29, 12)) << "2100 has none";
  leap.days.reset().set(30);
  EXPECT_EQ(next(leap, Zone{}, utc(2026, 1, 1)), std::nullopt);
}

TEST(Calendar, where_both_are_named_the_day_or_the_weekday_is_enough) {
  Calendar either = at(0, 0);
  either.is_any_day = either.is_any_weekday = false;
  either.days.reset().set(13), either.weekdays.reset().set(5);
  EXPECT_EQ(next(either, Zone{}, utc(2026, 11, 8)), utc(2026, 11, 13));
  EXPECT_EQ(next(either, Zone{}, utc(2026, 11, 13)), utc(2026, 11, 20)) << "a Friday";
  EXPECT_EQ(next(either, Zone{}, utc(2026, 12, 12)), utc(2026, 12, 13)) << "a Sunday";
}

// Minute by minute over the two days on which clocks are put, beside what a clock on the wall
// shows.
TEST(Calendar, finds_what_going_through_every_minute_finds) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    Calendar calendar = at(0, 0);
    calendar.hours.reset(), calendar.minutes.reset();
    for (int i = 0; i < 3; ++i) {
      calendar.hours.set(random() % 5);
      calendar.minutes.set(random() % 60);
    }
    const WallTime from = round % 2 ? utc(2026, 3, 28, 20) : utc(2026, 10, 24, 20);
    std::optional<WallTime> last;
    LocalMinute seen = floor<minutes>(to_local(kBerlin, from));  // the farthest that clocks showed
    for (WallTime now = from; now < from + 12h; now += 1min) {
      const auto shown = floor<minutes>(to_local(kBerlin, now));
      for (; seen < shown;
           seen += 1min) {  // each minute once, those that are jumped over at the jump
        const auto minute = floor<minutes>((seen + 1min) - floor<days>(seen + 1min)).count();
        if (calendar.hours[std::size_t(minute) / 60] && calendar.minutes[std::size_t(minute) % 60])
          last = now;
      }
      if (last) {
        ASSERT_EQ(latest(calendar, kBerlin, now), last);
        ASSERT_EQ(next(calendar, kBerlin, *last - 1ms), last);
      }
    }
  }
}

}  // namespace
}  // namespace utakata
