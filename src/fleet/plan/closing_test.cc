#include "fleet/plan/closing.h"

#include <gtest/gtest.h>

#include "fleet/plan/departures.h"
#include "fleet/plan/disconnect_budget.h"

namespace utakata {
namespace {

constexpr Instant kNow{1000h};

Fleet fleet_of(std::vector<int> serving, std::vector<int> draining = {}) {
  Fleet fleet;
  fleet.spec.name = "game";
  fleet.spec.capacity = 100;
  fleet.spec.drain.tell_path = "/drain";
  fleet.spec.drain.pace = 5;
  const auto add = [&](int connections, Lifecycle lifecycle) {
    Instance i;
    i.id = {"game-" + std::to_string(fleet.instances.size() + 1)};
    i.lifecycle = lifecycle;
    i.count = Count{connections, kNow};
    i.out_of_placement = lifecycle == Lifecycle::draining;
    fleet.instances.push_back(i);
  };
  for (const int connections : serving) add(connections, Lifecycle::serving);
  for (const int connections : draining) add(connections, Lifecycle::draining);
  return fleet;
}

std::vector<std::string> said(const ClosingResult& result) {
  std::vector<std::string> lines;
  for (const Action& action : result.actions) {
    const auto& close = std::get<CloseAction>(action);
    lines.push_back(close.id.text + " " + std::to_string(close.most) + " at " +
                    std::to_string(int(close.pace)));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(Closing, a_draining_one_begins_when_placement_has_let_go_of_it_and_nobody_is_on_the_way) {
  Fleet fleet = fleet_of({50}, {20});
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{"game-2 0 at 5"});
  fleet.instances[1].seats_held = 1;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
  fleet.instances[1].seats_held = 0;
  fleet.instances[1].out_of_placement = false;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
  fleet.instances[1].out_of_placement = true;
  fleet.instances[1].closes_begun = true;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{}) << "once";
}

TEST(Closing, only_as_many_as_the_others_have_seats_for) {
  const auto two = closing(fleet_of({70}, {20, 20}), {}, kNow);
  EXPECT_EQ(said(two), Lines{"game-2 0 at 5"});
  EXPECT_EQ(two.held_back, "game-3 waits to close its 20 clients: the others have 10 seats free");
}

TEST(Closing, a_spent_budget_closes_nobody_and_says_so) {
  const auto none =
      closing(fleet_of({50}, {20}), {.over_budget = "disconnect budget: spent"}, kNow);
  EXPECT_EQ(said(none), Lines{});
  EXPECT_EQ(none.held_back, "disconnect budget: spent");
}

TEST(Closing, without_a_pace_or_nobody_to_tell_clients_leave_by_themselves) {
  Fleet fleet = fleet_of({50}, {20});
  fleet.spec.drain.pace = 0;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
  fleet.spec.drain.pace = 5, fleet.spec.drain.tell_path.clear();
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
}

TEST(Rebalance, sheds_only_what_is_above_the_skew_fullest_first_and_paced) {
  Fleet fleet = fleet_of({90, 80, 10, 0});
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{}) << "off by default";
  fleet.spec.rebalance = {.skew = 0.2, .pace = 5};
  // The mean is 45, 54 are borne: 36 and 26 are too much, 50 in 10 s at most.
  EXPECT_EQ(said(closing(fleet, {}, kNow)), (Lines{"game-1 36 at 5", "game-2 14 at 5"}));
  fleet.spec.rebalance.skew = 1;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
  EXPECT_EQ(said(closing(fleet, {.may_rebalance = false}, kNow)), Lines{});
}

TEST(Rebalance, never_tears_rooms_nor_asks_one_that_is_not_trusted) {
  Fleet fleet = fleet_of({90, 80, 10, 0});
  fleet.spec.rebalance = {.skew = 0.2, .pace = 100};
  fleet.instances[0].keys = 1;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{"game-2 26 at 100"});
  fleet.instances[1].suspect = true;
  EXPECT_EQ(said(closing(fleet, {}, kNow)), Lines{});
}

TEST(Departures, of_a_known_rate_say_when_the_last_one_has_left) {
  Departures departures;
  for (int k = 1; k <= 600; ++k)  // 100 people who stay 1,000 s on average
    departures.note(Instant{} + k * 1s, {.departed = 0.1, .connection_seconds = 100});
  const auto one = departures.empty_within(1, 0), many = departures.empty_within(1000, 0);
  ASSERT_TRUE(one && many);
  EXPECT_NEAR(to_seconds(*one), 2302.6, 1) << "ln 10 times the mean";
  EXPECT_NEAR(to_seconds(*many), 9158, 5) << "-ln(1 - 0.9^(1/1000)) times the mean";
  EXPECT_EQ(departures.empty_within(1000, 10), 100s) << "closed at 10 a second";
  EXPECT_EQ(departures.empty_within(0, 0), 0s);
  EXPECT_EQ(Departures{}.empty_within(5, 0), std::nullopt) << "nothing seen yet";
}

TEST(DisconnectBudget, counts_who_has_no_new_seat_within_ten_seconds) {
  DisconnectBudget budget;
  int now = 0;
  const auto seconds = [&](int n, double closed, double placed) {
    for (int k = 0; k < n; ++k) budget.note(Instant{} + ++now * 1s, closed, placed);
  };
  seconds(600, 0, 2);
  EXPECT_EQ(budget.placed(), 1200);
  EXPECT_FALSE(budget.is_spent(0.01));
  seconds(10, 5, 7);  // five are closed each second, and five more than usual are placed
  seconds(20, 0, 2);
  EXPECT_NEAR(budget.lost(), 0, 0.5);
  seconds(10, 5, 2);  // now nobody comes again
  seconds(20, 0, 2);
  EXPECT_NEAR(budget.lost(), 50, 1);
  EXPECT_TRUE(budget.is_spent(0.01));
  EXPECT_FALSE(budget.is_spent(0.10));
  EXPECT_TRUE(DisconnectBudget::from_text(budget.text()).is_spent(0.01));
  EXPECT_EQ(DisconnectBudget::from_text("rubbish").lost(), 0);
}

}  // namespace
}  // namespace utakata
