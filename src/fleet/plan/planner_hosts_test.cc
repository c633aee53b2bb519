// One cluster over several hosts, second by second.
#include "fleet/plan/drain.h"
#include "fleet/plan/planner_world.h"

namespace utakata {
namespace {

World on_hosts(const ClusterSpec& spec, std::vector<Host> hosts) {
  World world(spec);
  world.hosts = std::move(hosts);
  world.ticks(3);
  return world;
}

const std::vector<Host> three = {{"a1", "a"}, {"b1", "b"}, {"c1", "c"}};
const std::vector<Host> four = {{"a1", "a"}, {"a2", "a"}, {"b1", "b"}, {"b2", "b"}};

TEST(PlannerHosts, min_is_spread_and_the_record_says_by_what) {
  World world = on_hosts(game(4, 8), four);
  EXPECT_EQ(world.spread(), "1 1 1 1");
  EXPECT_EQ(world.find("game-2")->zone, "b");
}

TEST(PlannerHosts, a_lost_host_is_one_fact_and_its_instances_are_replaced_elsewhere_at_once) {
  World world = on_hosts(game(6, 8), three);
  ASSERT_EQ(world.spread(), "2 2 2");
  world.clients["game-2"] = 30, world.clients["game-5"] = 10;
  world.tick();
  world.loses({"b1"});
  EXPECT_EQ(world.said,
            std::vector<std::string>{
                "zone_lost: zone b is lost, host b1 with 2 instances of game, 40 clients"});
  EXPECT_EQ(world.spread(), "3 0 3") << "in the turn in which it was told";
  EXPECT_EQ(world.last.held_back, "");
  world.ticks(5);
  world.hosts[1].is_up = true;
  world.ticks(30);
  EXPECT_EQ(world.spread(), "3 0 3") << "nothing is moved";
  EXPECT_EQ(world.said.back(), "host_back: host b1 is back");
  EXPECT_EQ(world.said.size(), 2u);
  world.dies("game-1");
  EXPECT_EQ(world.spread(), "2 1 3") << "what is launched goes there";
}

TEST(PlannerHosts, of_a_zone_with_hosts_left_the_host_is_told_and_then_the_zone_of_the_last) {
  World world = on_hosts(game(4, 8), four);
  world.loses({"b1"});
  EXPECT_EQ(world.said.back(), "host_lost: host b1 is lost with 1 instance of game, 0 clients");
  world.loses({"b2"});
  EXPECT_EQ(world.said.back().substr(0, 31), "zone_lost: zone b is lost, host");
  EXPECT_EQ(world.said.size(), 2u);
  EXPECT_EQ(world.spread(), "2 2 0 0");
  world.hosts[2].is_up = world.hosts[3].is_up = true;
  world.ticks(10);
  world.dies("game-1"), world.dies("game-3");
  ASSERT_EQ(world.spread(), "1 1 1 1");
  world.loses({"b1", "b2"});
  EXPECT_EQ(world.said.back(),
            "zone_lost: zone b is lost, 2 hosts with 2 instances of game, 0 clients");
}

TEST(PlannerHosts, hosts_that_are_lost_one_after_the_other_are_no_crash_loop) {
  World world = on_hosts(game(2, 4), three);
  world.boots = false;  // all are young
  for (const char* host : {"a1", "b1"}) {
    world.loses({host});
    EXPECT_EQ(world.last.held_back, "");
    EXPECT_EQ(world.total(), 2);
  }
  world.loses({"c1"});
  EXPECT_EQ(world.last.held_back, "no host takes instances: 3 lost, 0 closed");
  EXPECT_EQ(world.total(), 0);
  world.hosts[0].is_up = true;
  world.tick();
  EXPECT_EQ(world.spread(), "2 0 0") << "no back-off";
}

// As a made-up day found it: where the provider chooses the host, nobody is told which before the
// launch is done.
TEST(PlannerHosts, who_is_lost_with_its_host_before_its_place_was_told_is_no_crash_loop) {
  ClusterSpec spec = game(2, 4);
  spec.spread = SpreadOver::none;
  World world = on_hosts(spec, {{"a1", "a"}, {"b1", "b"}});
  world.boots = false;  // all are young
  ASSERT_EQ(world.host_of("game-1"), "");
  world.hosts[0].is_up = false;
  for (const char* id : {"game-1", "game-2", "game-3"}) {
    world.hears({.kind = ProviderNews::Kind::gone,
                 .id = {id},
                 .handle = {},
                 .address = {},
                 .what = "its host is lost",
                 .host = "a1",
                 .zone = "a"});
    EXPECT_EQ(world.last.held_back, "");
  }
  EXPECT_EQ(world.did("launch").size(), 5u);
}

TEST(PlannerHosts, where_it_dies_young_twice_the_third_is_launched_elsewhere) {
  World world(game(3, 6));
  world.hosts = three;
  world.crashing_host = "b1";
  world.ticks(20);
  EXPECT_EQ(world.spread(), "2 0 1");
  EXPECT_EQ(world.did("gone").size(), 2u);
  world.crashing_host = "";
  world.ticks(300);
  world.dies("game-1");
  EXPECT_EQ(world.spread(), "1 1 1") << "five minutes later it is tried again";
}

TEST(PlannerHosts, a_full_host_does_not_back_the_version_off_and_when_all_are_it_does) {
  World world(game(3, 6));
  world.hosts = three;
  world.full = {"a1"};
  world.tick();
  EXPECT_EQ(world.spread(), "0 2 1");
  EXPECT_EQ(world.last.held_back, "");
  EXPECT_EQ(world.did("launch_failed").size(), 1u);
  world.full = {"a1", "b1", "c1"};
  world.dies("game-2"), world.dies("game-3");
  world.ticks(10);
  EXPECT_NE(world.last.held_back.find("back-off"), std::string::npos) << world.last.held_back;
  EXPECT_LE(world.did("launch_failed").size(), 12u);
}

TEST(PlannerHosts, a_full_host_beside_one_where_somebody_is_silent_backs_off) {
  World world = on_hosts(game(3, 6), {{"a1", "a"}, {"b1", "b"}});
  world.frozen = {"game-1"};
  world.full = {"b1"};
  world.ticks(5);
  EXPECT_LE(world.did("launch_failed").size(), 4u);
  EXPECT_NE(world.last.held_back.find("back-off"), std::string::npos) << world.last.held_back;
}

TEST(PlannerHosts, the_substitute_of_a_silent_one_goes_to_another_host) {
  World world = on_hosts(game(3, 6), three);
  world.frozen = {"game-2"};
  world.ticks(3);
  ASSERT_EQ(world.did("launch").size(), 4u);
  EXPECT_EQ(world.host_of("game-4"), "a1") << "b has no more than a, but it is silent there";
}

TEST(PlannerHosts, scale_in_takes_from_the_crowded_zone_before_the_fewest_clients) {
  ClusterSpec spec = game(1, 8);
  World world = on_hosts(spec, three);
  Desired five;
  five.by_hand = 5;
  world.planner.want_by_operator(five);
  world.ticks(3);
  ASSERT_EQ(world.spread(), "2 2 1");
  for (const char* id : {"game-1", "game-2", "game-4", "game-5"}) world.clients[id] = 20;
  world.clients["game-4"] = 7;  // in a; game-3 in c has none
  world.planner.want_by_operator({});
  world.ticks(12);
  ASSERT_FALSE(world.did("drain").empty());
  EXPECT_EQ(world.did("drain")[0], "game-4");
  world.ticks(60);
  ASSERT_GE(world.did("drain").size(), 2u);
  EXPECT_EQ(world.host_of(world.did("drain")[1]), "b1");
}

TEST(PlannerHosts, several_victims_at_once_leave_the_zones_level) {
  Fleet fleet;
  fleet.spec = game(1, 12);
  for (int k = 1; k <= 9; ++k) {
    Instance i;
    i.id = {"game-" + std::to_string(k)};
    i.version = "v1";
    i.lifecycle = Lifecycle::serving;
    i.zone = k <= 5 ? "a" : k <= 8 ? "b" : "c";
    i.count = Count{10 * k, Instant{}};
    fleet.instances.push_back(i);
  }
  std::vector<std::string> ids;
  for (const InstanceId& id : drain_pick(fleet, 6, false, Instant{})) ids.push_back(id.text);
  // a 5, b 3, c 1: two of a; then turn about, the one with fewer clients first
  EXPECT_EQ(ids,
            (std::vector<std::string>{"game-1", "game-2", "game-3", "game-6", "game-4", "game-7"}));
}

TEST(PlannerHosts, nothing_is_launched_while_no_host_is_open) {
  World world(game(1, 2));
  world.hosts = {{"a1", "a", true, false}};
  world.ticks(3);
  EXPECT_EQ(world.total(), 0);
  EXPECT_EQ(world.last.held_back, "no host takes instances: 0 lost, 1 closed");
}

}  // namespace
}  // namespace utakata
