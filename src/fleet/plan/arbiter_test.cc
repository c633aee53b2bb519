#include "fleet/plan/arbiter.h"

#include <gtest/gtest.h>

#include <string>

namespace utakata {
namespace {

// A cluster whose fleet follows the arbiter at once unless the test says otherwise; it decides
// every second.
class ArbiterTest : public testing::Test {
 protected:
  ArbiterTest() {
    spec.instances_min = 2;
    spec.instances_max = 20;
    spec.step = 1.0;
    spec.settle = 10min;
    spec.scale.push_back({"headroom", HeadroomRule{}});
    spec.scale.push_back({"crowded", WhenRule{}});
  }

  Want tick(std::optional<int> headroom, std::optional<int> crowded = {}) {
    const std::vector<Proposal> proposals = {{"headroom", headroom, "seats"},
                                             {"crowded", crowded, "a crowd"}};
    const Want want = arbiter.decide(
        proposals, {.spec = spec, .by_hand = by_hand, .size = size, .serving = size, .now = now});
    now += 1s;
    if (follows) size = want.instances;
    return want;
  }
  Want ticks_for(Duration time, std::optional<int> headroom, std::optional<int> crowded = {}) {
    Want want;
    for (const Instant end = now + time; now < end;) want = tick(headroom, crowded);
    return want;
  }

  ClusterSpec spec;
  Arbiter arbiter;
  std::optional<int> by_hand;
  int size = 0;
  bool follows = true;
  Instant now{1h};
};

TEST_F(ArbiterTest, a_new_cluster_gets_its_min) {
  const Want want = tick(std::nullopt);
  EXPECT_EQ(want, (Want{2, "min", "min 2", ""}));
}

TEST_F(ArbiterTest, of_several_opinions_the_largest_wins_and_says_why) {
  EXPECT_EQ(tick(4, 3), (Want{4, "headroom", "seats", ""}));
  EXPECT_EQ(tick(4, 7), (Want{7, "crowded", "a crowd", ""}));
}

TEST_F(ArbiterTest, more_than_max_is_max) {
  EXPECT_EQ(tick(34), (Want{20, "headroom", "seats", "max 20"}));
}

TEST_F(ArbiterTest, a_spike_is_held_for_settle_and_then_let_go) {
  ticks_for(20min, 3);
  tick(6);
  EXPECT_EQ(ticks_for(3min, 3),
            (Want{6, "headroom", "seats", "settle 10m: 6 were wanted 2m59s ago"}));
  EXPECT_EQ(ticks_for(7min, 3).instances, 6);
  EXPECT_EQ(tick(3), (Want{3, "headroom", "seats", ""}));
}

TEST_F(ArbiterTest, of_falling_demand_each_level_is_held_for_its_own_settle) {
  ticks_for(20min, 6);
  ticks_for(5min, 4);
  ticks_for(5min, 2);
  EXPECT_EQ(tick(2).instances, 4);
  ticks_for(5min, 2);
  EXPECT_EQ(tick(2).instances, 2);
}

TEST_F(ArbiterTest, just_started_it_does_not_shrink_before_settle_was_watched) {
  size = 8;
  EXPECT_EQ(ticks_for(10min, 3),
            (Want{8, "headroom", "seats", "settle 10m: watched for 9m59s only"}));
  EXPECT_EQ(tick(3).instances, 3);
}

TEST_F(ArbiterTest, after_a_takeover_it_watches_anew_and_grows_at_once) {
  ticks_for(20min, 5);
  arbiter.takeover();
  EXPECT_EQ(ticks_for(9min, 2).instances, 5);
  EXPECT_EQ(tick(9).instances, 9);
}

TEST_F(ArbiterTest, instances_that_died_while_nobody_watched_are_missed) {
  size = 3;
  arbiter.takeover(5);
  EXPECT_EQ(tick(2).instances, 5);
}

TEST_F(ArbiterTest, a_controller_frozen_for_half_an_hour_settles_anew) {
  ticks_for(20min, 6);
  now += 30min;
  EXPECT_EQ(tick(2).instances, 6);
  EXPECT_EQ(ticks_for(9min, 2).instances, 6);
  EXPECT_EQ(ticks_for(2min, 2).instances, 2);
}

TEST_F(ArbiterTest, silence_changes_nothing) {
  tick(std::nullopt, 5);
  EXPECT_EQ(ticks_for(3h, std::nullopt),
            (Want{5, "unchanged", "no rule has an opinion: 5 stay", ""}));
}

TEST_F(ArbiterTest, after_silence_a_smaller_opinion_must_last_for_settle) {
  tick(std::nullopt, 5);
  ticks_for(1h, std::nullopt);
  EXPECT_EQ(tick(3).limited_by, "settle 10m: 5 were wanted just now");
  ticks_for(9min, 3);
  EXPECT_EQ(tick(3).instances, 5);
  EXPECT_EQ(ticks_for(1min, 3).instances, 3);
}

TEST_F(ArbiterTest, a_dead_instance_is_missed_in_silence_and_when_demand_fell_with_it) {
  ticks_for(20min, 5);
  follows = false;
  size = 4;
  EXPECT_EQ(tick(std::nullopt).instances, 5) << "no opinion";
  EXPECT_EQ(tick(4).instances, 5) << "its 300 players are just asking for a new place";
}

TEST_F(ArbiterTest, silence_still_obeys_new_bounds) {
  tick(std::nullopt, 8);
  spec.instances_max = 6;
  EXPECT_EQ(tick(std::nullopt), (Want{6, "unchanged", "no rule has an opinion: 8 stay", "max 6"}));
  spec.instances_min = 7, spec.instances_max = 9;
  EXPECT_EQ(tick(std::nullopt), (Want{7, "min", "min 7", ""}));
}

TEST_F(ArbiterTest, a_cluster_without_rules_wants_its_min) {
  spec.scale.clear();
  EXPECT_EQ(arbiter.decide({}, {.spec = spec, .by_hand = {}, .size = 0, .serving = 0, .now = now})
                .instances,
            2);
  spec.instances_min = 4;
  EXPECT_EQ(arbiter.decide({}, {.spec = spec, .by_hand = {}, .size = 2, .serving = 2, .now = now})
                .instances,
            4);
  spec.instances_min = 3;
  EXPECT_EQ(
      arbiter.decide({}, {.spec = spec, .by_hand = {}, .size = 4, .serving = 4, .now = now + 1h})
          .instances,
      4);
  EXPECT_EQ(
      arbiter.decide({}, {.spec = spec, .by_hand = {}, .size = 4, .serving = 4, .now = now + 2h})
          .instances,
      3);
}

TEST_F(ArbiterTest, an_operator_asks_for_at_least_so_many_until_rules_want_more) {
  by_hand = 8;
  EXPECT_EQ(tick(4), (Want{8, "by hand", "an operator asked for at least 8", ""}));
  EXPECT_EQ(tick(9).winner, "headroom");
  by_hand = 50;
  EXPECT_EQ(tick(4).limited_by, "max 20");
  by_hand = 1;
  ticks_for(11min, std::nullopt);
  EXPECT_EQ(size, 2) << "min";
}

TEST_F(ArbiterTest, back_to_the_rules_the_surplus_settles) {
  by_hand = 8;
  ticks_for(20min, 3);
  by_hand.reset();
  EXPECT_EQ(tick(3).instances, 8);
  EXPECT_EQ(ticks_for(10min, 3).instances, 3);
}

TEST_F(ArbiterTest, only_a_step_leaves_at_once) {
  spec.step = 0.25;
  ticks_for(20min, 20);
  ticks_for(10min, 3);
  EXPECT_EQ(tick(3), (Want{15, "headroom", "seats", "step 25 %: 5 of 20 now"}));
  EXPECT_EQ(tick(3), (Want{12, "headroom", "seats", "step 25 %: 3 of 15 now"}));
  ticks_for(1min, 3);
  EXPECT_EQ(size, 3) << "at least one leaves each time";
}

TEST_F(ArbiterTest, a_step_waits_until_the_former_has_left) {
  spec.step = 0.25;
  ticks_for(20min, 20);
  ticks_for(10min, 3);
  follows = false;
  EXPECT_EQ(ticks_for(1min, 3).instances, 15) << "nobody could leave yet: still 20 there";
}

TEST_F(ArbiterTest, surplus_of_a_rollout_does_not_become_a_wish) {
  spec.step = 0.25;
  ticks_for(20min, 4);
  follows = false;
  size = 7;
  EXPECT_EQ(tick(4).instances, 4);
}

TEST_F(ArbiterTest, an_edited_file_keeps_what_was_wanted_before_it) {
  ticks_for(20min, 6);
  spec.scale.erase(spec.scale.begin());  // the rules are replaced, the arbiter is not
  EXPECT_EQ(tick(2).instances, 6);
}

TEST_F(ArbiterTest, without_settle_it_shrinks_at_once) {
  spec.settle = 0s;
  tick(6);
  EXPECT_EQ(tick(3).instances, 3);
}

}  // namespace
}  // namespace utakata
