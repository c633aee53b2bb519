#include "fleet/plan/show.h"

#include <gtest/gtest.h>

#include "fleet/stack/calendar_text.h"

namespace utakata {
namespace {

using namespace std::chrono;

ShowRule final_show() {
  return {.show = "final",
          .at = parse_calendar("Sat 20:00").value(),
          .until = parse_calendar("Sat 22:00").value(),
          .zone = {},
          .ready_by = 10min,
          .people = 30'000,
          .freeze = true};
}

// 2026-11-28 is a Saturday.
WallTime on_saturday(minutes time) { return sys_days{year{2026} / 11 / 28} + time; }

BootTimes boots_of(Duration took, int at_once, int n = 30) {
  BootTimes boots;
  for (int k = 0; k < n; ++k) boots.ready(took, at_once);
  return boots;
}

TEST(Show, is_launched_so_early_that_it_serves_in_time_whatever_booting_takes) {
  using Phase = ShowState::Phase;
  const BootTimes boots = boots_of(40s, 50);
  // 100 of 300 people each, 2 of which are there anyway: two waves of 40 s, and a minute.
  ShowView view{.serving = 2, .capacity = 300, .instances_min = 2, .boots = boots};
  const auto at = [&](Duration time, int serving) {
    view.wall = on_saturday(0min) + duration_cast<milliseconds>(time);
    view.serving = serving;
    return show_state(final_show(), view);
  };
  EXPECT_EQ(at(19h + 47min + 39s, 2).phase, Phase::before);
  EXPECT_EQ(at(19h, 2).line, "100 instances from 2026-11-28 19:47 on, ready by 2026-11-28 19:50");
  EXPECT_EQ(at(19h + 47min + 40s, 2).phase, Phase::preparing);
  EXPECT_EQ(at(19h + 50min, 100).phase, Phase::ready);
  EXPECT_TRUE(at(19h + 50min, 100).is_go);
  EXPECT_EQ(at(19h + 50min, 100).line,
            "go: 100 of 100 serve; ready by 2026-11-28 19:50, on air at 2026-11-28 20:00");
  EXPECT_EQ(at(20h, 101).phase, Phase::on_air);
  EXPECT_EQ(at(20h, 101).line, "go: 101 of 100 serve; on air until 2026-11-28 22:00");
  EXPECT_EQ(at(22h, 100).phase, Phase::before) << "next Saturday's";
}

TEST(Show, no_go_says_who_is_missing_and_why) {
  const BootTimes boots;
  const ShowState state =
      show_state(final_show(), {.wall = on_saturday(19h + 55min),
                                .serving = 97,
                                .starting = 1,
                                .capacity = 300,
                                .boots = boots,
                                .failures = "2 failures in a row, the last: exit code 1"});
  EXPECT_FALSE(state.is_go);
  EXPECT_TRUE(
      state.line.starts_with("no go: 97 of 100 serve, 1 are starting; 2 failures in a row, "
                             "the last: exit code 1; ready by"))
      << state.line;
}

TEST(Show, freezes_only_on_air_and_only_when_asked_to) {
  ShowRule show = final_show();
  EXPECT_EQ(freeze_of(show, on_saturday(20h)), "show final is on air until 2026-11-28 22:00 UTC");
  EXPECT_EQ(freeze_of(show, on_saturday(19h + 59min)), "");
  EXPECT_EQ(freeze_of(show, on_saturday(22h)), "");
  show.freeze = false;
  EXPECT_EQ(freeze_of(show, on_saturday(21h)), "");
}

TEST(Show, once_and_over) {
  ShowRule show = final_show();
  show.at = parse_calendar("2026-11-28 20:00").value();
  show.until.reset(), show.lasts = 1h;
  const BootTimes boots;
  const ShowState state = show_state(
      show, {.wall = on_saturday(21h), .capacity = 300, .boots = boots, .unmeasured = 30s});
  EXPECT_EQ(state.phase, ShowState::Phase::over);
  EXPECT_EQ(state.line, "over, and does not come again");
}

TEST(BootTimes, of_as_many_at_once_or_all) {
  BootTimes boots = boots_of(2s, 1, 100);
  EXPECT_EQ(boots.p95(1), 2s);
  EXPECT_EQ(boots.p95(50), 2s) << "never so many: the best that is known";
  for (int k = 0; k < 20; ++k) boots.ready(9s, 40);
  EXPECT_EQ(boots.p95(50), 9s);
  EXPECT_EQ(boots.p95(1), 9s) << "20 of 120 are slow: the p95 is";
  EXPECT_EQ(BootTimes{}.p95(1), std::nullopt);
  for (int k = 0; k < 1000; ++k) boots.ready(1s, 1);
  EXPECT_EQ(boots.p95(1), 1s) << "what is long ago is forgotten";
}

TEST(BootTimes, come_back_from_text_and_damage_costs_only_what_is_damaged) {
  const BootTimes boots = boots_of(1500ms, 3, 2);
  EXPECT_EQ(boots.text(), "1500/3 1500/3");
  EXPECT_EQ(BootTimes::from_text(boots.text()), boots);
  EXPECT_EQ(BootTimes::from_text("1500/3 x 7 -1/2 9/0 99999999999999999999/1 / 1500/3"), boots);
  EXPECT_EQ(BootTimes::from_text(""), BootTimes{});
}

TEST(BootTimes, lead_time_is_in_waves) {
  const BootTimes boots = boots_of(10s, 50);
  const struct {
    int launches;
    Duration lead;
  } rows[] = {{0, 0s}, {1, 10s}, {50, 10s}, {51, 20s}, {500, 100s}};
  for (const auto& [launches, lead] : rows)
    EXPECT_EQ(lead_time(boots, launches, 50, 30s), lead) << launches;
  EXPECT_EQ(lead_time(BootTimes{}, 1, 50, 30s), 30s) << "nothing measured yet";
}

TEST(Show, what_is_being_prepared_is_not_put_off_when_boots_turn_out_quicker) {
  const BootTimes slow = boots_of(40s, 50), quick = boots_of(4s, 50);
  ShowView view{.wall = on_saturday(19h + 48min), .capacity = 300, .boots = slow};
  const ShowState begun = show_state(final_show(), view);
  EXPECT_EQ(begun.phase, ShowState::Phase::preparing);
  const ShowView later{.wall = view.wall, .capacity = 300, .boots = quick, .before = &begun};
  EXPECT_EQ(show_state(final_show(), later).phase, ShowState::Phase::preparing);
  const ShowView anew{.wall = view.wall, .capacity = 300, .boots = quick};
  EXPECT_EQ(show_state(final_show(), anew).phase, ShowState::Phase::before);
}

}  // namespace
}  // namespace utakata
