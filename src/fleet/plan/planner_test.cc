// Timelines of one cluster in a made-up world.
#include "fleet/plan/planner_world.h"

namespace utakata {

TEST(Planner, a_new_cluster_starts_its_min_and_no_more) {
  World world(game(2, 5));
  world.ticks(5);
  EXPECT_EQ(world.count(Lifecycle::serving), 2);
  EXPECT_EQ(world.did("launch"), (std::vector<std::string>{"game-1", "game-2"}));
}

TEST(Planner, what_is_adopted_serves_and_is_not_let_go_before_settle) {
  World w(game(1, 5));
  w.ticks(30);
  EXPECT_EQ(w.planner.fleet().instances.size(), 1u);
  const std::string boots = w.planner.boots().text();
  w.planner.commit(AdoptAction{{"game-2"}, "by hand", "pid 7 started 8", {"127.0.0.1", 8080}});
  EXPECT_EQ(w.planner.fleet().instances[1].lifecycle, Lifecycle::starting);
  EXPECT_EQ(w.planner.fleet().instances[1].handle, "pid 7 started 8");
  EXPECT_EQ(w.planner.fleet().next_number, 3);
  w.ticks(8);
  EXPECT_EQ(w.planner.fleet().instances[1].lifecycle, Lifecycle::serving);
  EXPECT_EQ(w.planner.boots().text(), boots) << "it had booted before";
  w.ticks(10);
  EXPECT_EQ(w.planner.fleet().instances.size(), 1u) << "one is wanted, and settle is over";
}

TEST(Planner, a_killed_instance_is_replaced_in_the_same_pass) {
  World world(game(2, 5));
  world.ticks(10);
  world.dies("game-1");
  EXPECT_EQ(world.did("launch").back(), "game-3");
  world.tick();
  EXPECT_EQ(world.count(Lifecycle::serving), 2);
}

TEST(Planner, an_instance_frozen_with_players_is_suspected_substituted_and_when_it_wakes_resumed) {
  World world(game(3, 5));
  world.ticks(10);
  world.clients = {{"game-1", 40}, {"game-2", 40}, {"game-3", 40}};
  world.ticks(2);
  world.frozen = {"game-2"};
  world.tick();  // 1st miss
  EXPECT_FALSE(world.find("game-2")->suspect);
  world.tick();  // 2nd: out of placement
  EXPECT_TRUE(world.find("game-2")->suspect);
  EXPECT_EQ(world.did("launch").size(), 3u);
  world.tick();  // 3rd: a substitute
  EXPECT_EQ(world.did("launch").back(), "game-4");
  world.ticks(30);
  EXPECT_TRUE(world.did("stop").empty()) << "its clients still wait";
  world.frozen.clear();
  world.ticks(2);
  EXPECT_FALSE(world.find("game-2")->suspect);
  EXPECT_TRUE(world.did("stop").empty());
  EXPECT_EQ(world.find("game-2")->lifecycle, Lifecycle::serving);
}

TEST(Planner, silence_longer_than_clients_wait_condemns) {
  World world(game(3, 5));
  world.ticks(10);
  world.clients["game-2"] = 40;
  world.tick();
  world.frozen = {"game-2"};
  world.ticks(45);
  EXPECT_TRUE(world.did("stop").empty());
  world.ticks(2);
  EXPECT_EQ(world.did("stop"), std::vector<std::string>{"game-2"});
  EXPECT_EQ(world.count(Lifecycle::serving), 3);
}

TEST(Planner, a_two_second_stall_a_hundred_times_kills_nothing) {
  World world(game(3, 5));
  world.ticks(10);
  for (int k = 0; k < 100; ++k) {
    world.frozen = {"game-1"};
    world.ticks(2);
    world.frozen.clear();
    world.ticks(3);
  }
  EXPECT_TRUE(world.did("stop").empty());
  EXPECT_EQ(world.did("launch").size(), 3u);
}

TEST(Planner, when_every_probe_fails_the_brake_kills_none_and_launches_only_surge) {
  World world(game(6, 8));  // surge: the larger of 1 and 25 % of 8 = 2
  world.ticks(10);
  world.frozen_all = true;
  world.ticks(300);
  EXPECT_TRUE(world.did("stop").empty());
  EXPECT_TRUE(world.last.braked);
  EXPECT_LE(world.did("launch").size(), 6u + 2u);
  for (int k = 1; k <= 6; ++k) world.dies("game-" + std::to_string(k));
  world.frozen_all = false;
  world.ticks(70);
  EXPECT_GE(world.count(Lifecycle::serving), 6)
      << "deaths that the provider told are healed, brake or not";
}

TEST(Planner, a_controller_that_slept_condemns_nobody) {
  World world(game(3, 5));
  world.ticks(10);
  world.now += 60s;
  for (int k = 0; k < 5; ++k) world.tick(true);
  EXPECT_TRUE(world.did("suspect").empty());
  EXPECT_TRUE(world.did("stop").empty());
}

// As a made-up day found it: suspects, then a sleep, and on waking a death is heard before anybody
// is asked.
TEST(Planner, a_death_that_is_heard_first_after_a_sleep_condemns_no_suspect) {
  World world(game(3, 6));
  world.ticks(5);
  world.clients["game-1"] = world.clients["game-2"] = 20;
  world.ticks(2);
  world.frozen = {"game-1", "game-2"};
  world.ticks(4);
  world.now += 60s;
  world.dies("game-3");
  ASSERT_TRUE(world.did("stop").empty()) << "the silence was our own";
  world.frozen.clear();
  world.tick(true);
  world.ticks(3);
  EXPECT_FALSE(world.find("game-1")->suspect);
  EXPECT_TRUE(std::ranges::none_of(
      world.did("stop"), [](const std::string& id) { return id == "game-1" || id == "game-2"; }));
}

TEST(Planner, a_drain_waits_for_holds_and_for_two_zero_counts) {
  World world(with_headroom(game(1, 5), 60));
  world.ticks(3);
  EXPECT_EQ(world.count(Lifecycle::serving), 2);
  world.clients = {{"game-1", 5}, {"game-2", 3}};
  world.ticks(30);
  ASSERT_EQ(world.count(Lifecycle::serving), 2);
  ClusterSpec smaller = game(1, 5);
  world.planner.respec(smaller);
  world.held["game-2"] = 1;
  world.ticks(30);
  ASSERT_EQ(world.did("drain"), std::vector<std::string>{"game-2"})
      << "the one with fewest clients";
  world.clients["game-2"] = 0;
  world.ticks(20);
  EXPECT_TRUE(world.did("stop").empty()) << "a hold may still arrive";
  world.held["game-2"] = 0;
  world.tick();
  EXPECT_TRUE(world.did("stop").empty()) << "one zero is not enough";
  world.tick();
  EXPECT_EQ(world.did("stop"), std::vector<std::string>{"game-2"});
}

// A room whose players have all left may be asked for once more until placement forgets its key.
TEST(Planner, a_drain_waits_for_keys_too) {
  World world(game(2, 5));
  world.ticks(3);
  world.keys["game-1"] = 1;
  world.planner.want_by_operator({.by_hand = {}, .shutting_down = true});
  world.ticks(20);
  EXPECT_EQ(world.did("stop"), std::vector<std::string>{"game-2"});
  world.keys["game-1"] = 0;
  world.tick();
  EXPECT_EQ(world.did("stop"), (std::vector<std::string>{"game-2", "game-1"}));
}

TEST(Planner, a_step_stays_taken_when_what_it_drained_is_gone) {
  ClusterSpec big = game(10, 20);
  big.step = 0.2;
  World world(big);
  world.ticks(30);
  ASSERT_EQ(world.count(Lifecycle::serving), 10);
  big.instances_min = 1;
  world.planner.respec(big);
  while (world.did("drain").empty()) world.tick();
  world.ticks(20);
  EXPECT_EQ(world.did("gone").size(), 2u) << "they were empty, and ended within seconds";
  EXPECT_EQ(world.did("drain").size(), 2u) << "20% of 10";
  world.ticks(20);
  EXPECT_EQ(world.did("drain").size(), 3u) << "20% of 8";
}

TEST(Planner, of_two_launched_under_one_id_the_first_told_stays) {
  World world(game(1, 5));
  world.ticks(3);
  const std::string first = world.find("game-1")->handle;
  world.hears({ProviderNews::Kind::launched, {"game-1"}, "pid 2", {"127.0.0.1", 20001}, {}, false});
  world.hears({ProviderNews::Kind::gone, {"game-1"}, "pid 2", {}, "killed by signal 9", false});
  ASSERT_TRUE(world.find("game-1"));
  EXPECT_EQ(world.find("game-1")->handle, first);
  EXPECT_EQ(world.find("game-1")->address.port, 20000);
  EXPECT_EQ(world.did("twin"), std::vector<std::string>{"game-1"});
  world.hears({ProviderNews::Kind::gone, {"game-1"}, first, {}, "killed by signal 9", false});
  EXPECT_FALSE(world.find("game-1"));
  world.hears({ProviderNews::Kind::launched, {"game-1"}, "pid 3", {"127.0.0.1", 20002}, {}, false});
  EXPECT_FALSE(world.find("game-1")) << "an id is given once";
  EXPECT_EQ(world.did("twin").size(), 2u);
}

TEST(Planner, what_drains_for_scale_in_is_resumed_before_anything_is_launched) {
  World world(with_headroom(game(1, 5), 60));
  world.clients = {{"game-1", 5}, {"game-2", 3}};
  world.ticks(30);
  world.planner.respec(game(1, 5));
  world.ticks(30);
  ASSERT_EQ(world.count(Lifecycle::draining), 1);
  world.planner.respec(with_headroom(game(1, 5), 60));
  world.ticks(2);
  EXPECT_EQ(world.did("resume"), std::vector<std::string>{"game-2"});
  EXPECT_EQ(world.did("launch").size(), 2u);
}

TEST(Planner, what_drained_and_was_suspect_is_resumed_in_the_step_in_which_it_answers_again) {
  World world(with_headroom(game(1, 5), 60));
  world.clients = {{"game-1", 5}, {"game-2", 3}};
  world.ticks(30);
  world.planner.respec(game(1, 5));
  world.ticks(30);
  ASSERT_EQ(world.count(Lifecycle::draining), 1);
  world.frozen = {"game-2"};
  world.ticks(2);
  ASSERT_TRUE(world.find("game-2")->suspect);
  world.frozen.clear();
  world.planner.respec(with_headroom(game(1, 5), 60));
  world.tick();
  EXPECT_EQ(world.did("resume"), std::vector<std::string>{"game-2"});
  EXPECT_EQ(world.did("launch").size(), 2u);
}

// As a made-up day found it: a host was lost seconds after some of those on it had been resumed.
TEST(Planner, who_served_long_drained_and_was_just_resumed_does_not_die_young) {
  World world(with_headroom(game(1, 5), 140));
  world.clients = {{"game-1", 5}, {"game-2", 3}, {"game-3", 2}};
  world.ticks(30);
  world.planner.respec(game(1, 5));
  world.ticks(90);
  ASSERT_EQ(world.count(Lifecycle::draining), 2);
  world.planner.respec(with_headroom(game(1, 5), 140));
  world.ticks(2);
  ASSERT_EQ(world.did("resume").size(), 2u);
  for (const char* id : {"game-2", "game-3"}) {
    world.dies(id, "its host is lost");
    EXPECT_EQ(world.last.held_back, "");
  }
  EXPECT_EQ(world.did("launch").size(), 5u) << "both are replaced at once";
}

TEST(Planner, what_ended_while_the_controller_was_away_is_no_crash_loop) {
  World world(game(3, 5));
  world.ticks(5);
  Fleet recorded = world.planner.fleet();
  for (Instance& i : recorded.instances) i.served_since.reset(), i.count.reset();
  world.planner = Planner(recorded, world.now);
  for (const char* id : {"game-1", "game-2", "game-3"}) {
    world.dies(id, "ended while nobody watched");
    EXPECT_EQ(world.last.held_back, "");
  }
  EXPECT_EQ(world.did("launch").size(), 6u);
}

TEST(Planner, what_is_condemned_at_its_deadline_is_stopped_once) {
  ClusterSpec spec = game(1, 5);
  spec.drain.deadline = 46s;  // when a silence has lasted longer than clients wait
  World world(with_headroom(spec, 60));
  world.clients = {{"game-1", 5}, {"game-2", 3}};
  world.ticks(30);
  world.planner.respec(spec);
  while (world.count(Lifecycle::draining) == 0) world.tick();
  world.frozen = {"game-2"};
  world.ticks(60);
  EXPECT_EQ(world.did("stop").size(), 1u);
}

TEST(Planner, a_deadline_cuts_and_says_how_many) {
  ClusterSpec spec = game(1, 5);
  spec.drain.deadline = 5s;
  World world(with_headroom(spec, 60));
  world.clients = {{"game-1", 5}, {"game-2", 3}};
  world.ticks(30);
  world.planner.respec(spec);
  int cut = -1;
  for (int k = 0; k < 40 && cut < 0; ++k) {
    world.tick();
    for (const auto& [kind, id] : world.log)
      if (kind == "stop") cut = world.clients[id];
  }
  EXPECT_EQ(cut, 3);
}

TEST(Planner, a_bad_version_backs_off_while_the_good_one_serves) {
  World world(game(3, 4));
  world.clients = {{"game-1", 10}, {"game-2", 10}, {"game-3", 10}};
  world.ticks(10);
  ClusterSpec bad = game(3, 4);
  bad.version = world.crashing_version = "v2";
  world.planner.respec(bad);
  world.ticks(60);
  EXPECT_EQ(world.count(Lifecycle::serving), 3);
  EXPECT_TRUE(world.did("drain").empty());
  EXPECT_LT(world.did("launch").size(), 3u + 9u) << "0 1 2 4 8 16 32: a minute holds few tries";
  EXPECT_NE(world.last.held_back.find("back-off"), std::string::npos) << world.last.held_back;
  ClusterSpec good = game(3, 4);
  good.version = "v3";
  world.planner.respec(good);
  world.clients.clear();
  world.ticks(60);
  EXPECT_EQ(world.count(Lifecycle::serving), 3);
  for (const Instance& i : world.planner.fleet().instances) EXPECT_EQ(i.version, "v3");
}

// The cause may lie outside the version: elder instances serve on, and nothing new comes up.
TEST(Planner, elder_ones_that_serve_do_not_excuse_new_ones_that_crash) {
  World world(game(3, 6));
  world.ticks(30);
  world.crashing_version = world.find("game-1")->version;
  world.dies("game-1");
  world.ticks(120);
  EXPECT_LE(world.did("launch").size(), 3u + 9u) << "1, 2, 4 ... 60 s between them";
  EXPECT_NE(world.last.held_back, "");
  world.crashing_version = "none";
  world.ticks(70);
  EXPECT_EQ(world.count(Lifecycle::serving), 3);
  world.ticks(10);
  world.dies("game-2");
  EXPECT_EQ(world.total(), 3) << "proven good again, it is replaced at once";
}

TEST(Planner, a_roll_out_keeps_so_many_serving_and_stops_only_the_empty) {
  World world(game(4, 4));
  for (int k = 1; k <= 4; ++k) world.clients["game-" + std::to_string(k)] = 10;
  world.ticks(10);
  ClusterSpec next = game(4, 4);
  next.version = "v2";
  world.planner.respec(next);
  for (int k = 0; k < 120; ++k) {
    world.tick();
    ASSERT_GE(world.count(Lifecycle::serving), 4);
    ASSERT_LE(world.total(), instances_total_max(next));
    for (const std::string& id : world.did("stop")) ASSERT_EQ(world.clients[id], 0) << id;
    if (k % 20 == 19)  // players go home, one instance after the other
      for (auto& [id, n] : world.clients)
        if (n > 0 && world.find(id) && world.find(id)->lifecycle == Lifecycle::draining) n = 0;
  }
  EXPECT_FALSE(world.did("stop").empty());
}

TEST(Planner, nothing_is_launched_beyond_total_max_while_many_drain) {
  World world(with_headroom(game(1, 8), 390));
  world.ticks(5);
  ASSERT_EQ(world.count(Lifecycle::serving), 8);
  for (int k = 1; k <= 8; ++k) world.clients["game-" + std::to_string(k)] = 1;
  ClusterSpec next = with_headroom(game(1, 8), 390);
  next.version = "v2";
  world.planner.respec(next);
  for (int k = 0; k < 60; ++k) {
    world.tick();
    ASSERT_LE(world.total(), instances_total_max(next));
  }
  EXPECT_NE(world.last.held_back.find("total_max"), std::string::npos) << world.last.held_back;
}

TEST(Planner, what_cannot_be_recorded_is_not_done_and_asked_again) {
  World world(game(2, 5));
  world.recordable = false;
  world.ticks(5);
  EXPECT_EQ(world.total(), 0);
  world.recordable = true;
  world.ticks(2);
  EXPECT_EQ(world.count(Lifecycle::serving), 2);
}

TEST(Planner, one_that_never_gets_ready_is_given_up_and_backs_off) {
  ClusterSpec spec = game(1, 2);
  spec.ready.within = 5s;
  World world(spec);
  world.boots = false;
  world.ticks(60);
  EXPECT_GE(world.did("stop").size(), 2u);
  EXPECT_LE(world.did("stop").size(), 8u);
  EXPECT_EQ(world.count(Lifecycle::serving), 0);
}

TEST(Planner, down_drains_all_and_stops_only_the_empty) {
  World world(game(2, 5));
  world.clients = {{"game-1", 3}};
  world.ticks(5);
  world.planner.want_by_operator({.by_hand = {},
                                  .shutting_down = true,
                                  .down_now = false,
                                  .down_deadline = {},
                                  .restarts = 0});
  world.ticks(20);
  EXPECT_EQ(world.total(), 1);
  EXPECT_EQ(world.find("game-1")->lifecycle, Lifecycle::draining);
  world.clients.clear();
  world.ticks(3);
  EXPECT_EQ(world.total(), 0);
}

}  // namespace utakata
