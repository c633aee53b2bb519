// From a want to launches, resumes and drains, on fleets made by hand.
#include "fleet/plan/scale.h"

#include <gtest/gtest.h>

#include "fleet/plan/apply.h"
#include "fleet/plan/planner.h"

namespace utakata {
namespace {

Fleet a_fleet_of_four(Instant now) {
  Fleet fleet;
  fleet.spec.name = "game";
  fleet.spec.version = "v1";
  fleet.spec.instances_max = 5;
  for (int k = 1; k <= 4; ++k) {
    Instance& i = fleet.instances.emplace_back();
    i.id = {"game-" + std::to_string(k)};
    i.version = fleet.spec.version;
    i.lifecycle = Lifecycle::serving;
    i.count = Count{0, now};
  }
  return fleet;
}

TEST(Scale, nothing_drains_under_the_brake_where_silent_ones_are_only_taken_to_serve) {
  const Instant now{1h};
  const Fleet fleet = a_fleet_of_four(now);
  const Want want{.instances = 1, .because = "min 1"};
  EXPECT_EQ(scale(fleet, want, {}, now).actions.size(), 1u);
  EXPECT_TRUE(scale(fleet, want, {.braked = true}, now).actions.empty());
}

TEST(Scale, three_missed_answers_do_not_serve_even_before_the_suspicion_could_be_recorded) {
  const Instant now{1h};
  Fleet fleet = a_fleet_of_four(now);
  fleet.instances[0].misses = fleet.instances[1].misses = 3;
  EXPECT_EQ(standing(fleet, false).serving, 2);
  EXPECT_TRUE(scale(fleet, {.instances = 2, .because = "min 2"}, {}, now).actions.empty());
}

TEST(Scale, a_roll_out_without_room_for_more_lets_old_ones_go_for_those_that_serve) {
  const Instant now{1h};
  Fleet fleet = a_fleet_of_four(now);
  fleet.spec.instances_max = 8;  // total_max 10
  fleet.spec.step = 0.5;
  for (int k = 5; k <= 10; ++k) {
    fleet.instances.push_back(fleet.instances[0]);
    fleet.instances.back().id = {"game-" + std::to_string(k)};
    if (k > 7) fleet.instances.back().lifecycle = Lifecycle::draining;
  }
  for (int k = 0; k < 4; ++k) fleet.instances[std::size_t(k)].version = "old";
  const auto step = scale(fleet, {.instances = 6, .because = "6"}, {}, now);
  ASSERT_EQ(step.actions.size(), 1u) << "7 serve where 6 are wanted, and three old ones drain yet";
  EXPECT_STREQ(kind_of(step.actions[0]), "drain");
}

TEST(Scale, a_drain_by_hand_has_its_deadline_from_the_call_and_not_from_the_last_tick) {
  const Instant now{1h};
  Planner planner(a_fleet_of_four(now), now);
  planner.commit(DrainAction{{"game-1"}, DrainCause::by_hand, 10s, "by an operator"}, now + 900ms);
  EXPECT_EQ(planner.fleet().instances[0].since, now + 900ms);
}

}  // namespace
}  // namespace utakata
