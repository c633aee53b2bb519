// The whole loop over fakes: what is recorded, what is done, and what a crash between the two
// leaves behind.
#include "fleet/control/house_for_tests.h"

namespace utakata {

TEST(Control, intents_are_recorded_before_outcomes_and_the_cluster_serves) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 2);
  std::vector<std::string> kinds;
  for (const Activity& a : house.store.all_activities())
    if (a.instance == "game-1") kinds.push_back(a.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"launch", "launched", "ready"}));
}

TEST(Control, what_needs_another_cluster_starts_after_it_serves_and_learns_its_address) {
  ClusterSpec redis = cluster("redis", 1, 1), lobby = cluster("lobby", 1, 1);
  lobby.needs = {"redis"};
  lobby.env = {{"REDIS", {"${clusters.redis.host}:${clusters.redis.port}"}}};
  House house(stack_of({redis, lobby}));
  house.host.launches_by_itself = false;
  house.start();
  house.seconds(3);
  EXPECT_EQ(house.alive(), 1);
  house.host.start({"redis-1"});
  house.host.launches_by_itself = true;
  house.seconds(3);
  ASSERT_EQ(house.serving("lobby"), 1);
  const auto& env = house.host.guests().at({"lobby-1"}).spec.env;
  EXPECT_NE(std::ranges::find(env, std::pair<std::string, std::string>("REDIS", "127.0.0.1:20000")),
            env.end());
}

TEST(Control, a_verify_is_asked_once_and_again_by_the_next_life_and_lets_nobody_serve_before) {
  ClusterSpec game = cluster("game", 1, 2);
  game.verify = {.command = {"check ${url} ${instance}"}, .within = 5s};
  House house(stack_of({game}));
  house.start();
  house.seconds(5);
  const std::string call = "check ws://127.0.0.1:20000 game-1 within 5000";
  EXPECT_EQ(house.verifier.calls, std::vector<std::string>{call});
  EXPECT_EQ(house.serving("game"), 0);
  house.crash();
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.verifier.calls, (std::vector<std::string>{call, call}));
  ASSERT_EQ(house.verifier.waiting.size(), 2u);
  house.verifier.waiting[0]({});  // of the life before
  house.seconds(2);
  EXPECT_EQ(house.serving("game"), 0);
  house.verifier.answer({});
  house.seconds(2);
  EXPECT_EQ(house.serving("game"), 1);

  house.host.die({"game-1"});
  house.seconds(3);
  house.verifier.answer(problem(Problem::Kind::refused, "exit code 3: no route"));
  house.seconds(3);
  std::string because;
  for (const Activity& a : house.store.all_activities())
    if (a.instance == "game-2" && a.kind == "stop") because = a.because;
  EXPECT_EQ(because, "`verify` failed: exit code 3: no route");
  EXPECT_EQ(house.serving("game"), 0);
  house.verifier.answer({});
  house.seconds(2);
  EXPECT_EQ(house.serving("game"), 1) << "the next one";
}

TEST(Control, a_death_is_healed_in_the_turn_in_which_it_is_told) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(8);
  house.host.die({"game-1"});
  EXPECT_EQ(house.alive(), 2) << "no tick was needed";
}

TEST(Control, a_full_disk_stops_every_act_is_said_once_and_work_goes_on_after) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(8);
  house.store.set_full(true);
  house.host.die({"game-1"});
  house.seconds(20);
  EXPECT_EQ(house.alive(), 1) << "nothing is launched without a recorded intent";
  const auto said = std::ranges::count_if(
      house.problems, [](const std::string& p) { return p.find("nothing is done") != p.npos; });
  EXPECT_EQ(said, 1);
  house.store.set_full(false);
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 2);
}

// Promise 9: a crash at any order, before or after it, loses no instance and launches none twice.
TEST(Control, a_crash_at_any_order_loses_nothing_and_launches_nothing_twice) {
  for (const bool before : {true, false}) {
    for (int nth = 1; nth < 12; ++nth) {
      House house(stack_of({cluster("game", 3, 4)}));
      house.orders_left = nth;
      house.crash_before = before;
      bool crashed = false;
      try {
        house.start();
        house.seconds(5);
        house.host.die({"game-2"});
        house.seconds(5);
      } catch (const Crash&) {
        crashed = true;
        house.crash();
        house.start();
        house.seconds(10);
      }
      if (!crashed) {
        EXPECT_GT(nth, 6) << "the crash point was never reached";
        break;
      }
      EXPECT_EQ(house.serving("game"), 3)
          << "crash " << (before ? "before" : "after") << " order " << nth;
      EXPECT_EQ(house.alive(), 3) << "crash " << (before ? "before" : "after") << " order " << nth;
      for (const auto& [id, starts] : house.host.starts) EXPECT_LE(starts, 1) << id.text;
    }
  }
}

TEST(Control, a_restart_adopts_everyone_and_cuts_no_one) {
  House house(stack_of({cluster("game", 3, 4)}));
  house.start();
  house.seconds(5);
  house.clients = {{"game-1", 5}, {"game-2", 6}, {"game-3", 7}};
  for (int k = 0; k < 5; ++k) {
    house.seconds(2);
    house.crash();
    house.start();
  }
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 3);
  EXPECT_EQ(house.host.starts.size(), 3u);
}

TEST(Control, a_stop_intent_is_final_even_over_a_restart) {
  House house(stack_of({cluster("game", 1, 4)}));
  house.host.stops_by_itself = false;
  house.start();
  house.seconds(5);
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  house.seconds(5);
  EXPECT_EQ(house.host.guests().at({"game-1"}).phase, FakeHost::Phase::stopping);
  house.crash();
  house.start();
  house.clients["game-1"] = 9;
  house.seconds(2);
  EXPECT_EQ(house.host.guests().at({"game-1"}).phase, FakeHost::Phase::stopping);
  house.host.die({"game-1"});
  house.seconds(3);
  EXPECT_EQ(house.serving("game"), 1);
}

TEST(Control, restarts_do_not_stretch_a_drains_deadline) {
  ClusterSpec game = cluster("game", 1, 4);
  game.drain.deadline = 100s;
  House house(stack_of({game}));
  house.start();
  house.seconds(5);
  house.clients["game-1"] = 9;
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  int seconds = 0;
  while (house.host.guests().contains({"game-1"}) && seconds < 300) {
    house.seconds(10);
    seconds += 10;
    house.crash();
    house.start();
  }
  EXPECT_GE(seconds, 100);
  EXPECT_LE(seconds, 210) << "each of the restarts may cost 5 s and what a second of life takes";
}

TEST(Control, a_drained_instance_is_told_and_leaves_placement_in_the_same_step) {
  House house(stack_of({cluster("game", 1, 4)}));
  house.start();
  house.seconds(5);
  house.clients["game-1"] = 2;
  house.second();
  AdminCall drain;
  drain.verb = AdminCall::Verb::drain;
  drain.instance = "game-1";
  ASSERT_TRUE(house.control->ask(drain));
  EXPECT_EQ(house.teller.told, std::vector<std::string>{"20000 draining"});
  EXPECT_FALSE(house.views.back().instances.at(0).open);
  house.seconds(30);
  EXPECT_TRUE(house.host.runs({"game-1"})) << "two clients are on it";
  house.clients.clear();
  house.seconds(4);
  EXPECT_FALSE(house.host.runs({"game-1"}));
}

TEST(Control, a_replaced_instance_leaves_only_when_another_serves_in_its_stead) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(6);
  AdminCall replace;
  replace.verb = AdminCall::Verb::replace;
  replace.instance = "game-1";
  ASSERT_TRUE(house.control->ask(replace));
  EXPECT_TRUE(house.host.runs({"game-1"}));
  EXPECT_TRUE(house.views.back().instances.at(0).open) << "it takes clients until then";
  for (int k = 0; k < 12; ++k) {
    house.second();
    EXPECT_GE(house.serving("game"), 2);
  }
  EXPECT_FALSE(house.host.runs({"game-1"}));
  EXPECT_TRUE(house.host.runs({"game-2"}));
  EXPECT_TRUE(house.host.runs({"game-3"}));
}

TEST(Control, down_stops_those_that_need_others_first_and_then_says_so) {
  ClusterSpec redis = cluster("redis", 1, 1), lobby = cluster("lobby", 2, 2);
  lobby.needs = {"redis"};
  House house(stack_of({redis, lobby}));
  house.start();
  house.seconds(6);
  house.clients = {{"lobby-1", 3}};
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  ASSERT_TRUE(house.control->ask(down));
  house.seconds(10);
  EXPECT_TRUE(house.host.runs({"redis-1"}));
  EXPECT_TRUE(house.host.runs({"lobby-1"}));
  EXPECT_FALSE(house.host.runs({"lobby-2"}));
  house.clients.clear();
  house.seconds(10);
  EXPECT_EQ(house.alive(), 0);
  EXPECT_TRUE(house.is_down);
}

TEST(Control, after_a_finished_down_the_next_start_serves_and_an_unfinished_one_goes_on) {
  House house(stack_of({cluster("game", 2, 4)}));
  house.start();
  house.seconds(5);
  house.clients = {{"game-1", 3}};
  AdminCall scale;
  scale.verb = AdminCall::Verb::scale;
  scale.cluster = "game";
  scale.number = 4;
  ASSERT_TRUE(house.control->ask(scale));
  AdminCall down;
  down.verb = AdminCall::Verb::down;
  ASSERT_TRUE(house.control->ask(down));
  house.seconds(10);
  house.crash();
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.alive(), 1) << "game-1 has clients, and nothing is started beside it";
  house.clients.clear();
  house.seconds(10);
  EXPECT_TRUE(house.is_down);
  house.crash();
  house.is_down = false;
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.serving("game"), 2);
  EXPECT_FALSE(house.is_down);
}

TEST(Control, a_removed_cluster_that_the_file_names_again_at_the_next_start_serves) {
  House house(stack_of({cluster("game", 1, 1), cluster("chat", 1, 1)}));
  house.start();
  house.seconds(5);
  house.edited = stack_of({cluster("game", 1, 1)});
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  ASSERT_TRUE(house.control->ask(apply));
  house.seconds(10);
  EXPECT_FALSE(house.host.runs({"chat-1"}));
  house.crash();
  house.start();
  house.seconds(5);
  EXPECT_EQ(house.serving("chat"), 1);
}

TEST(Control, an_edited_file_shows_the_difference_and_restarts_only_what_it_must) {
  House house(stack_of({cluster("game", 2, 4), cluster("lobby", 1, 2)}));
  house.start();
  house.seconds(6);
  house.edited = stack_of({cluster("game", 2, 6), cluster("chat", 1, 1)});
  AdminCall apply;
  apply.verb = AdminCall::Verb::apply;
  const Json answer = Json::parse(*house.control->ask(apply));
  EXPECT_EQ(answer["difference"], (Json{"game: instances.max 4 -> 6", "chat: added",
                                        "lobby: removed, its instances drain"}));
  house.seconds(10);
  EXPECT_EQ(house.serving("chat"), 1);
  EXPECT_FALSE(house.host.runs({"lobby-1"}));
  EXPECT_TRUE(house.host.runs({"game-1"}));
}

TEST(Control, unknown_names_are_answered_with_the_nearest_known) {
  House house(stack_of({cluster("game", 1, 1)}));
  house.start();
  AdminCall call;
  call.verb = AdminCall::Verb::explain;
  call.cluster = "gane";
  const auto answer = house.control->ask(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what, "there is no cluster `gane`; did you mean `game`?");
}

}  // namespace utakata
