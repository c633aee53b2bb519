// Where launches go, and what remembers that they should not.
#include "fleet/plan/spread.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

const Instant noon{Duration{3600s}};

Instance on(const std::string& id, const std::string& host, const std::string& zone,
            Lifecycle lifecycle = Lifecycle::serving, const std::string& version = "v1") {
  Instance i;
  i.id = {id};
  i.version = version;
  i.lifecycle = lifecycle;
  i.host = host;
  i.zone = zone;
  i.since = i.launched_at = i.last_answer = noon - 1h;
  i.served_since = noon - 1h;
  return i;
}

const Host a1{"a1", "a"}, a2{"a2", "a"}, b1{"b1", "b"}, c1{"c1", "c"};
const auto draining = Lifecycle::draining;

struct Row {
  const char* situation;
  std::vector<Host> hosts;
  std::vector<Instance> fleet;
  std::vector<std::string> launches;  // as the record says it; empty: no place
  SpreadOver spread = SpreadOver::zones;
};

const Row rows[] = {
    {"no hosts are told: wherever the provider likes", {}, {on("1", "", "")}, {""}},
    {"one after the other over zones, then over the hosts of each",
     {a1, a2, b1},
     {},
     {"zone a: 0 of 0 there, on a1", "zone b: 0 of 1 there, on b1", "zone a: 1 of 2 there, on a2",
      "zone b: 1 of 3 there, on b1"}},
    {"the zone with the fewest, whatever its hosts have",
     {a1, a2, b1},
     {on("1", "b1", "b"), on("2", "a1", "a"), on("3", "a1", "a")},
     {"zone b: 1 of 3 there, on b1", "zone a: 2 of 4 there, on a2"}},
    {"by hosts: that with the fewest, of equals that in the emptier zone",
     {a1, a2, b1},
     {on("1", "a1", "a")},
     {"b1: 0 of 1 there", "a2: 0 of 2 there", "b1: 1 of 3 there"},
     SpreadOver::hosts},
    {"nothing is chosen: the provider does",
     {a1, b1},
     {on("1", "a1", "a")},
     {"", ""},
     SpreadOver::none},
    {"no zone is told: hosts alone",
     {{"h1", ""}, {"h2", ""}},
     {on("1", "h1", "")},
     {"h2: 0 of 1 there", "h1: 1 of 2 there"}},
    {"machines are made with their instances: zones alone",
     {{"", "a"}, {"", "b"}},
     {on("1", "i-07", "a")},
     {"zone b: 0 of 1 there", "zone a: 1 of 2 there"}},
    {"who drains fills its host, and its zone has one fewer",
     {a1, a2, b1},
     {on("1", "a1", "a", draining), on("2", "b1", "b")},
     {"zone a: 0 of 1 there, on a2"}},
    {"of equal zones that with the fewest new ones: a roll-out ends spread as it began",
     {a1, b1, c1},
     {on("1", "a1", "a"), on("2", "b1", "b", Lifecycle::serving, "v0"), on("3", "c1", "c")},
     {"zone b: 1 of 3 there, on b1"}},
    {"lost and closed hosts take none",
     {{"a1", "a", false}, {"b1", "b", true, false}, c1},
     {on("1", "c1", "c")},
     {"zone c: 1 of 1 there, on c1"}},
    {"none is left", {{"a1", "a", false}, {"b1", "b", true, false}}, {}, {}},
    {"none is left for the provider either", {{"a1", "a", false}}, {}, {}, SpreadOver::none},
};

TEST(Spread, launches_go_where_the_table_says) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.situation);
    Ladder ladder;
    ladder.see(row.hosts);
    Fleet fleet;
    fleet.spec.version = "v1";
    fleet.spec.spread = row.spread;
    fleet.instances = row.fleet;
    Spreading spreading(fleet, ladder, noon);
    for (const std::string& launch : row.launches) {
      const auto place = spreading.next();
      ASSERT_TRUE(place);
      EXPECT_EQ(place->because, launch);
    }
    if (!row.launches.empty()) continue;
    EXPECT_FALSE(spreading.next());
    EXPECT_TRUE(spreading.why_none().starts_with("no host takes instances: 1 lost"));
  }
}

std::string next(const Fleet& fleet, const Ladder& ladder, Instant now = noon) {
  return Spreading(fleet, ladder, now).next()->because;
}

TEST(Spread, who_is_silent_has_its_host_passed_over_unless_all_are) {
  Ladder ladder;
  ladder.see({a1, b1});
  Fleet fleet;
  fleet.instances = {on("game-1", "a1", "a"), on("game-2", "b1", "b"), on("game-3", "b1", "b")};
  fleet.instances[0].misses = 3;
  EXPECT_EQ(next(fleet, ladder), "zone b: 2 of 3 there, on b1; not a1: game-1 is silent there");
  fleet.instances[1].misses = 3;
  EXPECT_EQ(next(fleet, ladder), "zone a: 1 of 3 there, on a1");
}

TEST(Ladder, who_died_is_replaced_in_its_place_while_its_zone_is_not_crowded) {
  Ladder ladder;
  ladder.see({a1, a2, b1});
  Fleet fleet;
  fleet.instances = {on("game-2", "b1", "b"), on("game-3", "a1", "a")};
  ladder.died(on("game-1", "a1", "a"), "exit code 1", noon);
  EXPECT_EQ(next(fleet, ladder), "zone a: 1 of 2 there, on a1, where game-1 died");
  EXPECT_EQ(next(fleet, ladder, noon + 61s), "zone a: 1 of 2 there, on a2") << "kept for a minute";
  fleet.instances.push_back(on("game-4", "a2", "a"));
  EXPECT_EQ(next(fleet, ladder), "zone b: 1 of 3 there, on b1") << "nothing is crowded by it";
  fleet.instances.pop_back();
  ladder.launched(on("game-5", "a1", "a"), noon);
  EXPECT_EQ(next(fleet, ladder), "zone a: 1 of 2 there, on a2") << "it is taken";
}

TEST(Ladder, two_that_died_young_on_a_host_send_the_next_elsewhere_for_five_minutes) {
  Ladder ladder;
  ladder.see({a1, b1});
  Fleet fleet;
  fleet.instances = {on("game-9", "b1", "b")};
  Instance young = on("game-1", "a1", "a", Lifecycle::starting);
  ladder.died(young, "exit code 1", noon);
  EXPECT_EQ(ladder.passed_over(a1, noon), "");
  ladder.died(on("game-2", "a1", "a"), "exit code 1", noon + 1s);
  EXPECT_EQ(ladder.passed_over(a1, noon + 1s), "") << "that one was old";
  young.lifecycle = Lifecycle::serving;
  young.since = noon - 50s;
  young.served_since = noon - 50s;
  ladder.died(young, "exit code 2", noon + 2s);
  EXPECT_EQ(next(fleet, ladder, noon + 2s),
            "zone b: 1 of 1 there, on b1; not a1: 2 died young there, the last: exit code 2");
  EXPECT_EQ(ladder.passed_over(b1, noon + 2s), "");
  EXPECT_NE(ladder.passed_over(a1, noon + 301s), "");
  EXPECT_EQ(ladder.passed_over(a1, noon + 302s), "");
}

TEST(Ladder, who_served_long_does_not_die_young_because_it_has_just_begun_to_drain) {
  Ladder ladder;
  ladder.see({a1, b1});
  for (const char* id : {"game-1", "game-2"}) {
    Instance old = on(id, "a1", "a", draining);
    old.since = noon - 1s;
    ladder.died(old, "exit code 1", noon);
  }
  EXPECT_EQ(ladder.passed_over(a1, noon), "");
}

// As a made-up day found it: a host was lost and back again while the controller was away, and all
// that it had held was taken to have died young there.
TEST(Ladder, who_ended_while_nobody_watched_is_not_held_against_its_host) {
  Ladder ladder;
  ladder.see({a1, b1});
  for (const char* id : {"game-1", "game-2", "game-3"}) {
    Instance unseen = on(id, "a1", "a");
    unseen.since = unseen.launched_at = unseen.last_answer = noon;
    unseen.served_since.reset();
    ladder.died(unseen, "ended while nobody watched", noon);
  }
  EXPECT_EQ(ladder.passed_over(a1, noon), "");
}

TEST(Ladder, young_deaths_far_apart_are_chance) {
  Ladder ladder;
  ladder.see({a1, b1});
  for (int k = 0; k < 5; ++k)
    ladder.died(on("game-1", "a1", "a", Lifecycle::starting), "exit code 1", noon + k * 121s);
  EXPECT_EQ(ladder.passed_over(a1, noon + 4 * 121s), "");
}

TEST(Ladder, a_failed_launch_sends_the_next_elsewhere_for_a_minute) {
  Ladder ladder;
  ladder.see({a1, b1, {"c1", "c", true, false}});
  EXPECT_TRUE(ladder.launch_failed(on("game-1", "a1", "a"), "no room", noon));
  EXPECT_EQ(ladder.passed_over(a1, noon), "a launch failed there: no room");
  EXPECT_TRUE(ladder.launch_failed(on("game-2", "a1", "a"), "no room", noon)) << "of the same plan";
  const Instance third = on("game-3", "a1", "a");
  ladder.launched(third, noon);
  EXPECT_FALSE(ladder.launch_failed(third, "no room", noon)) << "nothing better was left";
  EXPECT_FALSE(ladder.launch_failed(on("game-4", "b1", "b"), "no room", noon + 1s))
      << "c1 is closed";
  EXPECT_EQ(ladder.passed_over(a1, noon + 60s), "");
  EXPECT_TRUE(ladder.launch_failed(on("game-5", "b1", "b"), "no room", noon + 60s));
}

TEST(Ladder,
     a_zone_of_machines_made_with_their_instances_is_passed_over_for_failed_launches_alone) {
  Ladder ladder;
  ladder.see({{"", "a"}, {"", "b"}});
  for (int k = 0; k < 3; ++k)
    ladder.died(on("game-1", "i-07", "a", Lifecycle::starting), "exit code 1", noon);
  EXPECT_EQ(ladder.passed_over({"", "a"}, noon), "");
  EXPECT_FALSE(ladder.is_lost_with_host(on("game-1", "i-07", "a")));
  ladder.launch_failed(on("game-2", "", "a", Lifecycle::starting), "no capacity", noon);
  EXPECT_EQ(ladder.passed_over({"", "a"}, noon), "a launch failed there: no capacity");
}

}  // namespace
}  // namespace utakata
