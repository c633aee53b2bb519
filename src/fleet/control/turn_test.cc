// A controller among others: what it does with clusters that it gains and loses.
#include "fleet/control/house_for_tests.h"

namespace utakata {
namespace {

const Ownership theirs{.kind = Ownership::Kind::others, .controller = "b", .url = "http://b:1"};
Ownership ours(std::int64_t tenure) {
  return {.kind = Ownership::Kind::ours, .tenure = tenure, .controller = "a", .url = {}};
}

struct Turn : testing::Test {
  Turn() : house(stack_of({cluster("game", 2, 4), cluster("lobby", 1, 2)})) {
    house.owners = &owners;
  }
  void becomes(const std::string& cluster, const Ownership& ownership) {
    owners.now[cluster] = ownership;
    house.control->turn();
    house.host.turn();
  }
  std::string owner_shown(const std::string& cluster) {
    const Json status = house.status();
    for (const auto& c : status["clusters"])
      if (c["name"] == cluster) return c["owner"];
    return "?";
  }
  FakeOwners owners;
  House house;
};

TEST_F(Turn, nothing_is_done_for_a_cluster_before_it_is_ours) {
  owners.now = {{"game", theirs}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  EXPECT_EQ(owners.asked_for, (std::vector<std::string>{"game", "lobby"}));
  EXPECT_EQ(house.serving("game"), 0);
  EXPECT_EQ(house.serving("lobby"), 1);
  EXPECT_EQ(owner_shown("game"), "b");
  becomes("game", ours(2));
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 2);
}

TEST_F(Turn, who_has_lost_a_cluster_heals_nothing_and_takes_no_orders_for_it) {
  owners.now = {{"game", ours(1)}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  becomes("game", theirs);
  house.host.die({"game-1"});
  house.seconds(5);
  EXPECT_EQ(house.alive(), 2) << "game-2 and lobby-1";
  AdminCall scale{.verb = AdminCall::Verb::scale, .cluster = "game", .number = 3};
  const auto answer = house.control->ask(scale);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().what,
            "game is not this controller's now, but b's: ask again in a second");
  EXPECT_TRUE(answer.error().retry);
  scale.cluster = "lobby", scale.number = 2;
  EXPECT_TRUE(house.control->ask(scale).has_value());
}

TEST_F(Turn, who_gets_it_back_goes_on_from_what_is_recorded) {
  owners.now = {{"game", ours(1)}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  becomes("game", theirs);
  house.host.die({"game-1"});
  becomes("game", ours(3));
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 2);
  for (const auto& [id, starts] : house.host.starts) EXPECT_EQ(starts, 1) << id.text;
  EXPECT_FALSE(house.host.guests().contains({"game-1"})) << "an id is given once";
}

TEST_F(Turn, a_time_without_an_owner_changes_nothing_and_the_same_tenure_starts_nothing_anew) {
  owners.now = {{"game", ours(1)}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  const auto adoptions = [&] {
    return std::ranges::count(house.provider->calls(), "adopt game-1");
  };
  const auto before = adoptions();
  becomes("game", {});
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 2);
  becomes("game", ours(1));
  EXPECT_EQ(adoptions(), before);
  becomes("game", {});
  becomes("game", ours(2));
  EXPECT_EQ(adoptions(), before + 1) << "somebody else had it in between";
}

TEST_F(Turn, what_was_restarted_by_hand_is_not_restarted_again_by_who_takes_it_over) {
  owners.now = {{"game", ours(1)}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  ASSERT_TRUE(house.control->ask({.verb = AdminCall::Verb::restart, .cluster = "game"}));
  house.seconds(60);
  const std::string version = house.control->fleet("game")->spec.version;
  becomes("game", theirs);
  house.seconds(10);
  EXPECT_EQ(house.control->fleet("game")->spec.version, version) << "read again and again";
  becomes("game", ours(3));
  const auto starts = house.host.starts.size();
  house.seconds(60);
  EXPECT_EQ(house.control->fleet("game")->spec.version, version);
  EXPECT_EQ(house.host.starts.size(), starts) << "nothing was rolled out";
}

// 4 instances that 40 connections needed, and which nobody needs any more: ours, then b's for a
// moment, then ours again.
struct Takeover : Turn {
  void is_run_by(std::vector<Rule> scale, Duration settle) {
    ClusterSpec& game = house.stack.clusters[0];
    game.instances_min = 1, game.instances_max = 8;
    game.scale = std::move(scale);
    game.settle = settle;
    owners.now = {{"game", ours(1)}, {"lobby", ours(1)}};
    house.clients["game-1"] = 40;
    house.start();
  }
  void come(int clients) {
    for (const Instance& i : house.control->fleet("game")->instances)
      if (i.lifecycle == Lifecycle::serving) return void(house.clients[i.id.text] = clients);
    FAIL() << "nothing serves";
  }
  void is_taken_over() {
    becomes("game", theirs);
    house.seconds(5);
    becomes("game", ours(3));
  }
};

TEST_F(Takeover, what_was_wanted_before_counts_until_settle_is_over_anew_and_more_at_once) {
  is_run_by({{"target", TargetRule{.each = 10}}}, 10min);
  house.seconds(30);
  ASSERT_EQ(house.serving("game"), 4);
  house.clients.clear();
  house.seconds(9 * 60);
  is_taken_over();
  house.seconds(9 * 60);
  EXPECT_EQ(house.serving("game"), 4) << "18 minutes of which it has seen 9";
  house.seconds(4 * 60);
  EXPECT_EQ(house.serving("game"), 1);
  is_taken_over();
  come(30);
  house.seconds(10);
  EXPECT_EQ(house.serving("game"), 3) << "nothing to wait for";
}

// avg(connections) `op` `number`.
Expression average(Expression::Op op, double number) {
  using Op = Expression::Op;
  return {.text = "avg(connections)",
          .nodes = {{.op = Op::aggregate, .aggregate = Expression::Aggregate::avg},
                    {.op = Op::number, .number = number},
                    {.op = op, .left = 0, .right = 1}}};
}

// `for:` and `pause:`, in minutes.
struct RuleThatRemoves : Takeover, testing::WithParamInterface<std::pair<int, int>> {};

TEST_P(RuleThatRemoves, waits_for_its_whole_time_anew_and_one_that_adds_does_not) {
  const WhenRule full{
      .condition = average(Expression::Op::greater, 10), .add = Amount{.value = 1}, .pause = 5s};
  const WhenRule idle{.condition = average(Expression::Op::less, 5),
                      .sustained = GetParam().first * 1min,
                      .remove = Amount{.value = 1},
                      .pause = GetParam().second * 1min};
  is_run_by({{"full", full}, {"idle", idle}}, 1s);
  house.seconds(60);
  ASSERT_EQ(house.serving("game"), 4);
  house.clients.clear();
  house.seconds(3 * 60);
  is_taken_over();
  house.seconds(4 * 60 + 30);
  EXPECT_EQ(house.serving("game"), 4) << "more than five minutes, of which it has seen fewer";
  house.seconds(60);
  EXPECT_EQ(house.serving("game"), 3);
  is_taken_over();
  come(100);
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 4);
}

INSTANTIATE_TEST_SUITE_P(ByItsTimes, RuleThatRemoves,
                         testing::Values(std::pair{5, 1}, std::pair{0, 5}));

TEST_F(Turn, what_the_owner_records_is_shown) {
  owners.now = {{"game", theirs}, {"lobby", ours(1)}};
  house.start();
  Batch batch;
  batch.instances.push_back({"game", {.id = {"game-7"}, .lifecycle = Lifecycle::serving}});
  ASSERT_TRUE(house.store.record(batch).has_value());
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 1);
}

TEST_F(Turn, a_down_ends_everyone_whoever_owns_what) {
  owners.now = {{"game", theirs}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  AdminCall down{.verb = AdminCall::Verb::down, .now = true};
  ASSERT_TRUE(house.control->ask(down).has_value());
  house.seconds(5);
  EXPECT_EQ(house.alive(), 0);
  EXPECT_FALSE(house.is_down) << "game may still be there";
  Batch batch;
  batch.clusters.push_back({"game", {.shutting_down = true}, 1});
  ASSERT_TRUE(house.store.record(batch).has_value());
  house.seconds(3);
  EXPECT_TRUE(house.is_down);
}

TEST_F(Turn, a_down_is_meant_for_a_cluster_that_had_no_owner_just_then_too) {
  owners.now = {{"game", theirs}, {"lobby", ours(1)}};
  house.start();
  house.seconds(5);
  becomes("game", {});
  ASSERT_TRUE(house.control->ask({.verb = AdminCall::Verb::down, .now = true}).has_value());
  house.seconds(5);
  EXPECT_FALSE(house.is_down);
  becomes("game", ours(2));
  house.seconds(5);
  EXPECT_TRUE(house.is_down);
  EXPECT_EQ(house.alive(), 0);
}

}  // namespace
}  // namespace utakata
