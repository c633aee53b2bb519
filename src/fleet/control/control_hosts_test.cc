// The whole loop over a provider with several hosts: what is told, recorded, shown, and remembered
// by the next life.
#include "fleet/control/house_for_tests.h"
#include "fleet/model/observation_blob.h"

namespace utakata {
namespace {

const std::vector<Host> four = {
    {"worker-1", "a"}, {"worker-2", "a"}, {"worker-3", "b"}, {"worker-4", "b"}};

std::vector<std::string> lines(const MemoryStore& store, const std::string& kind) {
  std::vector<std::string> found;
  for (const Activity& a : store.all_activities())
    if (a.kind == kind) found.push_back(a.instance + (a.instance.empty() ? "" : ": ") + a.because);
  return found;
}

int there(const FakeHost& host, const std::string& name) {
  return int(std::ranges::count_if(host.guests(),
                                   [&](const auto& one) { return one.second.spec.host == name; }));
}

TEST(ControlHosts, an_instance_is_told_where_it_runs_and_the_record_keeps_it) {
  House house(stack_of({cluster("game", 3, 6)}));
  house.host.hosts = four;
  house.start();
  house.seconds(3);
  const auto& env = house.host.guests().at({"game-2"}).spec.env;
  using Pair = std::pair<std::string, std::string>;
  EXPECT_NE(std::ranges::find(env, Pair("UTAKATA_HOST", "worker-3")), env.end());
  EXPECT_NE(std::ranges::find(env, Pair("UTAKATA_ZONE", "b")), env.end());
  EXPECT_EQ(lines(house.store, "launch")[1], "game-2: min 3; zone b: 0 of 1 there, on worker-3");
  const auto ticks = house.store.observations("game", 0, 10);
  ASSERT_TRUE(ticks && !ticks->empty());
  EXPECT_EQ(decode_tick(ticks->back().blob)->observation.hosts, four);

  house.crash();
  house.start();
  house.seconds(2);
  const Json game = house.status()["clusters"][0];
  EXPECT_EQ(game["instances"][1]["host"], "worker-3");
  EXPECT_EQ(game["instances"][1]["zone"], "b");
  house.host.die({"game-2"});
  house.seconds(2);
  EXPECT_EQ(there(house.host, "worker-3"), 1) << "in its place";
  EXPECT_EQ(lines(house.store, "launch").back(),
            "game-4: min 3; zone b: 0 of 2 there, on worker-3, where game-2 died");
}

TEST(ControlHosts, a_provider_with_one_host_hears_of_none) {
  House house(stack_of({cluster("game", 1, 2)}));
  house.start();
  house.seconds(2);
  for (const auto& [name, value] : house.host.guests().at({"game-1"}).spec.env)
    EXPECT_TRUE(name != "UTAKATA_HOST" && name != "UTAKATA_ZONE") << name;
  EXPECT_EQ(house.status()["clusters"][0]["instances"][0]["host"], "");
}

TEST(ControlHosts, a_lost_host_is_told_once_and_its_instances_are_elsewhere_in_the_same_turn) {
  House house(stack_of({cluster("game", 6, 8)}));
  house.host.hosts = four;
  house.start();
  house.seconds(8);
  house.clients["game-2"] = 25, house.clients["game-6"] = 15;
  house.seconds(2);
  house.host.lose("worker-3");
  EXPECT_EQ(house.alive(), 6);
  EXPECT_EQ(lines(house.store, "host_lost"),
            std::vector<std::string>{"host worker-3 is lost with 2 instances of game, 40 clients"});
  EXPECT_EQ(lines(house.store, "gone"),
            (std::vector<std::string>{"game-2: its host is lost", "game-6: its host is lost"}));
  EXPECT_EQ(there(house.host, "worker-4"), 3) << "its zone has the fewest";
  AdminCall explain;
  explain.verb = AdminCall::Verb::explain;
  explain.cluster = "game";
  const Json told = Json::parse(*house.control->ask(explain));
  EXPECT_EQ(told["hosts"][2]["up"], false);
  EXPECT_EQ(told["hosts"][3]["instances"], 3);
  house.host.come_back("worker-3");
  house.seconds(3);
  EXPECT_EQ(there(house.host, "worker-3"), 0) << "nothing is moved by force";
  EXPECT_EQ(lines(house.store, "host_back").size(), 1u);
}

TEST(ControlHosts, a_host_lost_while_nobody_watched_is_told_by_the_next_life) {
  House house(stack_of({cluster("game", 4, 6)}));
  house.host.hosts = four;
  house.start();
  house.seconds(8);
  house.crash();
  house.host.lose("worker-3");
  house.host.lose("worker-4");
  house.start();
  house.seconds(3);
  EXPECT_EQ(
      lines(house.store, "zone_lost"),
      std::vector<std::string>{"zone b is lost, 2 hosts with 2 instances of game, 0 clients"});
  EXPECT_EQ(house.serving("game"), 4);
  EXPECT_EQ(house.status()["clusters"][0]["held_back"], "");
}

TEST(ControlHosts, what_a_host_refuses_is_asked_of_another_at_once) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.host.hosts = four;
  house.host.launches_by_itself = false;
  house.start();
  house.host.refuse({"game-1"}, "no room");
  house.host.launches_by_itself = true;
  EXPECT_EQ(house.host.guests().at({"game-3"}).spec.host, "worker-2");
  EXPECT_EQ(lines(house.store, "launch").back(),
            "game-3: min 2; zone a: 0 of 1 there, on worker-2; not worker-1: a launch failed "
            "there: no room");
}

}  // namespace
}  // namespace utakata
