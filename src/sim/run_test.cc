// Made-up days, as stories.
#include "sim/run.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/faults.h"

namespace utakata {
namespace {

SimOptions a_game(LoadCurve load) {
  SimOptions options;
  options.stack.name = "show";
  options.stack.folder = "/";
  ClusterSpec game;
  game.name = "game";
  game.version = "v1";
  game.run = {"node game.js"};
  game.url = {"ws://${host}:${port}"};
  game.count.accepted = "accepted";
  game.capacity = 100;
  game.instances_min = 2, game.instances_max = 40;
  game.settle = 2min;
  game.scale = {{"headroom", HeadroomRule{{30, true}}}};
  options.stack.clusters = {game};
  options.load = std::move(load);
  options.session = 5min;
  return options;
}

LoadCurve up_and_down() {
  return {.name = "hill",
          .points = {{0s, 50}, {5min, 1000}, {10min, 1000}, {12min, 20}, {25min, 20}}};
}

TEST(Simulate, a_hill_of_people_is_followed_up_and_down_and_nobody_is_cut) {
  const auto day = simulate(a_game(up_and_down()));
  ASSERT_TRUE(day);
  EXPECT_EQ(day->broken, std::vector<std::string>{});
  const SimCluster& game = day->clusters.at(0);
  EXPECT_GE(game.serving_most, 13) << "1,000 people and 30 % on instances of 100";
  EXPECT_LE(game.samples.back().serving, 6);
  EXPECT_GT(game.drains, 5);
  EXPECT_EQ(game.cuts.by_scaling + game.cuts.by_healing + game.cuts.by_faults, 0);
  EXPECT_GT(game.arrivals, 1000);
  EXPECT_LT(game.waited_p50, 1s);
  std::int64_t most = 0;
  for (const SimSample& sample : game.samples) most = std::max(most, sample.connections);
  EXPECT_GT(most, 950);
}

TEST(Simulate, the_same_seed_is_the_same_day) {
  SimOptions options = a_game(up_and_down());
  options.faults_per_hour = 60;
  options.seed = 7;
  const auto one = simulate(options), other = simulate(options);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->activities, other->activities);
  EXPECT_EQ(one->clusters[0].arrivals, other->clusters[0].arrivals);
  options.seed = 8;
  EXPECT_NE(simulate(options)->activities, one->activities);
}

TEST(Simulate, instances_that_fail_their_verify_serve_nobody_and_the_day_is_whole) {
  SimOptions options = a_game(up_and_down());
  options.stack.clusters[0].verify.command = {"check ${instance}"};
  options.unfit = 0.4;
  const auto day = simulate(options);
  ASSERT_TRUE(day);
  EXPECT_EQ(day->broken, std::vector<std::string>{});
  std::set<std::string> unfit;
  for (const Activity& a : day->activities)
    if (a.kind == "stop" && a.because.starts_with("`verify` failed")) unfit.insert(a.instance);
  EXPECT_GE(unfit.size(), 2u);
  for (const Activity& a : day->activities)
    EXPECT_FALSE(a.kind == "ready" && unfit.contains(a.instance)) << a.instance;
  EXPECT_GE(day->clusters.at(0).serving_most, 13);

  options.faults_per_hour = 60;  // the controller's crashes in mid-verify, too
  const auto bad_day = simulate(options);
  ASSERT_TRUE(bad_day);
  EXPECT_EQ(bad_day->broken, std::vector<std::string>{});
}

TEST(Simulate, a_cluster_that_is_not_there_is_told) {
  SimOptions options = a_game(up_and_down());
  options.cluster = "gmae";
  EXPECT_FALSE(simulate(options));
  options.cluster.clear();
  options.stack.clusters[0].instances_max = 2;
  EXPECT_FALSE(simulate(options)) << "nothing can grow";
}

// One that all need and that is alone, and two that grow, one of them in rooms.
SimOptions a_house() {
  SimOptions options = a_game(up_and_down());
  ClusterSpec redis = options.stack.clusters[0], lobby = redis;
  redis.name = "redis", lobby.name = "lobby";
  redis.instances_min = redis.instances_max = 1;
  redis.scale.clear();
  lobby.needs = {"redis"};
  options.stack.clusters[0].seats_per_key = 4;
  options.stack.clusters[0].heal.clients_wait = 20s;
  options.stack.clusters.insert(options.stack.clusters.begin(), {redis, lobby});
  return options;
}

TEST(Simulate, days_of_several_controllers_break_no_promise) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SimOptions options = a_house();
    options.faults_per_hour = 60;
    options.controllers = 2 + int(seed % 2);
    options.stack.clusters[0].owner = "a", options.stack.clusters[2].owner = "b";
    options.seed = seed;
    const auto day = simulate(options);
    ASSERT_TRUE(day);
    EXPECT_EQ(day->broken, std::vector<std::string>{}) << "seed " << seed;
    EXPECT_GT(day->tested.at("10 one owner"), 2) << "clusters changed hands";
  }
}

TEST(Simulate, with_four_controllers_there_is_no_day) {
  SimOptions options = a_game(up_and_down());
  options.controllers = 4;
  EXPECT_FALSE(simulate(options));
}

TEST(Simulate, days_full_of_faults_break_no_promise) {
  std::set<std::string> kinds;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimOptions options = a_house();
    options.faults_per_hour = 60;
    options.controllers = seed % 4 == 0 ? 2 : 1;
    options.seed = seed;
    const auto day = simulate(options);
    ASSERT_TRUE(day);
    std::string faults;
    for (const SimFault& fault : day->faults) {
      faults += std::to_string(fault.at / 1s) + " s: " + fault.what + "\n";
      kinds.insert(fault.what.substr(0, fault.what.find_first_of("0123456789,")));
    }
    EXPECT_EQ(day->broken, std::vector<std::string>{}) << "seed " << seed << "\n" << faults;
  }
  EXPECT_GE(kinds.size(), std::size_t{kFaultKinds}) << "each kind of fault came";
}

}  // namespace
}  // namespace utakata
