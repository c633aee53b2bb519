// Clients of Socket.IO that break off at one process and come again to another.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "realtime/app/simulated_apps.h"
#include "realtime/app/word.h"

namespace utakata::realtime {
namespace {

using Numbers = std::vector<int>;

class AppRecoveryTest : public testing::Test {
 protected:
  // Ann reads news and sport at the first, and has heard 1.
  AppRecoveryTest() {
    ann_.connect(0);
    ann_.subscribe("news"), ann_.subscribe("sport");
    say("news", 1);
    ann_.receive();
    sid_ = ann_.sid;
  }
  void say(const std::string& channel, int what, const std::string& but = {}) {
    all_.all[1]->app.publish(channel, {.event = "said", .data = std::to_string(what)}, {.id = but});
    all_.hear_all();
  }
  void comes(SimulatedClient& client, std::size_t process) {
    client.connect(process);
    all_.hear_all();
    client.receive();
  }

  SimulatedApps all_{3, 5};
  SimulatedClient ann_{all_};
  std::string sid_;
};

TEST_F(AppRecoveryTest, who_comes_to_another_process_is_who_it_was_and_hears_what_it_missed) {
  ann_.lose();
  say("sport", 2), say("news", 3), say("other", 4), say("news", 5);
  comes(ann_, 1);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.sid, sid_);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 5}));
  say("sport", 6);
  ann_.receive();
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 5, 6})) << "it reads its channels again";
  EXPECT_TRUE(all_.all[0]->app.is_empty());
  EXPECT_EQ(all_.all[0]->app.channels().readers_count("news"), 0u);

  ann_.lose();
  say("news", 7);
  comes(ann_, 2);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 5, 6, 7}));
}

TEST_F(AppRecoveryTest, it_may_break_off_before_it_has_got_all_that_it_missed) {
  ann_.lose();
  say("sport", 2), say("news", 3), say("news", 4);
  comes(ann_, 1);
  ann_.heard = {1};
  ann_.connect(1);
  all_.hear_all();
  ann_.receive(2);  // that it is connected, and 2
  ann_.lose();
  say("sport", 5);
  comes(ann_, 0);
  EXPECT_TRUE(ann_.is_recovered);
}

TEST_F(AppRecoveryTest, a_connection_that_its_process_takes_for_alive_is_cut) {
  say("news", 2);  // on its way for ever
  comes(ann_, 1);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2}));
  EXPECT_EQ(all_.all[0]->ended.size(), 1u);
  EXPECT_FALSE(all_.all[0]->app.socketio().client_of(sid_));
}

TEST_F(AppRecoveryTest, of_two_that_come_at_once_one_is_let_in) {
  ann_.lose();
  SimulatedClient twin = ann_;
  ann_.connect(1), twin.connect(2);
  all_.hear_all();
  all_.pass(2s);
  ann_.receive(), twin.receive();
  EXPECT_TRUE(ann_.is_connected && twin.is_connected);
  EXPECT_TRUE(ann_.is_recovered) << "the bus had its ask first";
  EXPECT_FALSE(twin.is_recovered);
  EXPECT_NE(twin.sid, sid_);
}

TEST_F(AppRecoveryTest, who_is_known_nowhere_begins_anew_after_a_second) {
  ann_.goodbye();
  comes(ann_, 1);
  EXPECT_FALSE(ann_.is_connected) << "it waits";
  all_.pass(1s);
  ann_.receive();
  EXPECT_TRUE(ann_.is_connected);
  EXPECT_FALSE(ann_.is_recovered);

  ann_.lose();
  all_.pass(2min + 1s);
  comes(ann_, 2);
  all_.pass(1s);
  ann_.receive();
  EXPECT_FALSE(ann_.is_recovered) << "it was away for too long";
}

TEST_F(AppRecoveryTest, who_missed_more_than_is_kept_begins_anew_at_once) {
  ann_.lose();
  for (int i = 2; i < 8; ++i) say("news", i);
  comes(ann_, 1);
  EXPECT_TRUE(ann_.is_connected);
  EXPECT_FALSE(ann_.is_recovered);
  EXPECT_FALSE(ann_.reads("news"));
}

TEST_F(AppRecoveryTest, one_process_and_a_bus_that_takes_nothing_keep_nobody_waiting) {
  ann_.lose();
  all_.is_cut = true;
  comes(ann_, 1);
  EXPECT_TRUE(ann_.is_connected);
  EXPECT_FALSE(ann_.is_recovered);
  SimulatedApps one(1);
  SimulatedClient bob(one);
  bob.connect(0), bob.receive(), bob.goodbye();
  bob.connect(0), bob.receive();
  EXPECT_TRUE(bob.is_connected);
}

TEST_F(AppRecoveryTest, what_it_sent_itself_does_not_come_back_to_it) {
  ann_.lose();
  say("news", 2, sid_), say("news", 3);
  comes(ann_, 1);
  EXPECT_EQ(ann_.heard, (Numbers{1, 3}));
  say("news", 4, sid_), say("news", 5);
  ann_.receive();
  EXPECT_EQ(ann_.heard, (Numbers{1, 3, 5}));
}

TEST_F(AppRecoveryTest, a_quiet_channel_is_read_again_though_the_other_knows_nothing_of_it) {
  ann_.lose();
  all_.forget("news");
  all_.join(all_.start());  // of what is forgotten it is not told
  comes(ann_, 3);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1}));
  ann_.lose();
  say("news", 2);
  comes(ann_, 3);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2}));
}

TEST_F(AppRecoveryTest,
       what_was_said_before_is_not_missed_by_who_comes_to_where_it_is_kept_longer) {
  for (int i = 2; i < 6; ++i) say("elsewhere", i);
  SimulatedClient bob(all_);
  bob.connect(0);
  all_.now += 10min;
  all_.forget("elsewhere");
  bob.subscribe("elsewhere");  // where all is too old
  bob.receive();
  bob.lose();
  comes(bob, 1);
  EXPECT_TRUE(bob.is_recovered);
  EXPECT_EQ(bob.heard, Numbers{});
  say("elsewhere", 6);
  bob.receive();
  EXPECT_EQ(bob.heard, Numbers{6});
}

TEST_F(AppRecoveryTest, who_comes_to_one_that_has_just_begun_hears_all_channels_in_one_order) {
  ann_.lose();
  for (int i = 2; i < 8; i += 2) say("sport", i), say("news", i + 1);
  all_.join(all_.start());
  comes(ann_, 3);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(AppRecoveryTest, what_a_process_hears_after_a_gap_waits_for_all_that_was_said_before) {
  using Word = SimulatedApps::Word;
  all_.all[0]->app.reaches(false);
  say("news", 2), say("sport", 3), say("news", 4);
  auto& late = all_.start();
  all_.join(late);
  SimulatedClient bob(all_);
  bob.connect(3);
  bob.subscribe("news"), bob.subscribe("sport");
  ann_.receive();
  EXPECT_EQ(ann_.heard, (Numbers{1})) << "more may come that was said before";
  all_.all[0]->app.reaches(true);
  ann_.receive();
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 4}));

  // Another Redis has another count: what was said on a channel stays in its order.
  late.app.reaches(false);
  Word first{.channel = "news", .position = {"anew", 1}, .serial = 1}, second = first;
  first.body = app_word_bytes({.message = {.event = "said", .data = "5"}});
  second.body = app_word_bytes({.message = {.event = "said", .data = "6"}});
  second.position.epoch = "anew again";
  first.serial = 77;
  for (const Word& word : {first, second}) SimulatedApps::tell(late, word);
  SimulatedApps::tell(late, {.channel = "sport",
                             .body = app_word_bytes({.message = {.event = "said", .data = "7"}})});
  late.app.reaches(true);
  bob.receive();
  EXPECT_EQ(bob.heard, (Numbers{5, 6, 7}));
}

TEST_F(AppRecoveryTest, who_gives_up_waiting_may_come_again) {
  ann_.lose();
  ann_.connect(1);
  ann_.lose();  // before it was answered
  comes(ann_, 1);
  EXPECT_TRUE(ann_.is_recovered);
  ann_.lose();
  ann_.connect(2);
  ann_.lose();
  all_.hear_all();  // its seat comes to where nobody waits
  say("news", 2);
  comes(ann_, 0);
  EXPECT_TRUE(ann_.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2}));
  ann_.lose();
  ann_.connect(1);
  ann_.goodbye();
  all_.hear_all();
  EXPECT_FALSE(all_.all[1]->app.socketio().client_of(sid_));
}

TEST_F(AppRecoveryTest, an_answer_that_comes_too_late_is_not_taken_for_a_later_one) {
  ann_.lose();
  ann_.connect(1);
  ann_.lose();
  all_.pass(1s);
  all_.all[1]->app.publish("news", {.event = "said", .data = "2"}, {});
  ann_.connect(1);  // it asks again, and what is between was said when it stood elsewhere
  all_.hear_all();
  all_.pass(1s);
  ann_.receive();
  EXPECT_TRUE(ann_.is_connected);
  EXPECT_FALSE(ann_.is_recovered);
}

TEST_F(AppRecoveryTest, what_is_said_while_it_asks_comes_once) {
  const auto says = [&](int what) {
    all_.all[2]->app.publish("news", {.event = "said", .data = std::to_string(what)}, {});
  };
  says(2);
  while (all_.hear(*all_.all[0]));
  ann_.receive();  // at the second process it is not said yet
  ann_.lose();
  ann_.connect(1);
  says(3);
  all_.hear_all();
  ann_.receive();
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3}));
}

TEST_F(AppRecoveryTest, each_namespace_has_its_own) {
  SimulatedClient boss(all_, "/admin");
  boss.connect(0);
  boss.subscribe("news");
  boss.receive();
  boss.lose();
  say("news", 2);
  comes(boss, 1);
  EXPECT_TRUE(boss.is_recovered);
  EXPECT_EQ(boss.heard, Numbers{2});
}

TEST_F(AppRecoveryTest, while_it_waits_a_client_may_not_connect_twice_nor_speak) {
  ann_.lose();
  for (const std::string text : {"0", R"(2["subscribe","news"])"}) {
    SimulatedApp& at = *all_.all[1];
    const ClientSlot slot = all_.slots++;
    at.app.socketio().opens(slot, all_.now);
    at.app.socketio().says(slot, fmt::format(R"(0{{"pid":"unknown{}"}})", slot), all_.now);
    EXPECT_FALSE(at.ended.contains(slot));
    at.app.socketio().says(slot, text, all_.now);
    EXPECT_TRUE(at.ended.contains(slot));
  }
}

TEST_F(AppRecoveryTest, one_connection_asks_no_more_often_than_it_has_namespaces) {
  SimulatedApp& at = *all_.all[1];
  const ClientSlot slot = all_.slots++;
  at.app.socketio().opens(slot, all_.now);
  const auto before = all_.words.size();
  for (int i = 0; i < 10; ++i) {
    at.app.socketio().says(slot, fmt::format(R"(0{{"pid":"guess{}"}})", i), all_.now);
    at.app.socketio().says(slot, "1", all_.now);
  }
  EXPECT_EQ(all_.words.size(), before + 2);
  at.app.socketio().says(slot, fmt::format(R"(0/admin,{{"pid":"{}"}})", std::string(101, 'x')),
                         all_.now);
  EXPECT_EQ(all_.words.size(), before + 2);
}

TEST_F(AppRecoveryTest, who_ends_leaves_its_seats_to_another) {
  SimulatedClient bob(all_), cid(all_);
  for (auto* const client : {&bob, &cid}) client->connect(0), client->subscribe("news");
  say("news", 2);
  ann_.receive(), bob.receive();
  cid.receive(1);  // that it is connected, and not 2
  for (auto* const client : {&ann_, &bob, &cid}) client->lose();
  auto& leaving = *all_.all[0];
  say("news", 3);
  EXPECT_TRUE(leaving.app.socketio().leave_seats(all_.now));
  EXPECT_FALSE(leaving.app.socketio().has_left_seats());
  all_.hear_all();
  EXPECT_TRUE(leaving.app.socketio().has_left_seats());
  leaving.is_gone = true;
  all_.pass(1min);
  say("sport", 4);
  comes(ann_, 1), comes(bob, 2), comes(cid, 2);
  EXPECT_TRUE(ann_.is_recovered && bob.is_recovered);
  EXPECT_EQ(ann_.heard, (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(bob.heard, (Numbers{2, 3}));
  EXPECT_TRUE(cid.is_connected);
  EXPECT_FALSE(cid.is_recovered) << "what it had not got was known there only";
}

TEST_F(AppRecoveryTest, seats_that_were_left_end_when_they_would_have) {
  ann_.lose();
  all_.pass(90s);
  EXPECT_TRUE(all_.all[0]->app.socketio().leave_seats(all_.now));
  all_.hear_all();
  all_.all[0]->is_gone = true;
  all_.pass(31s);
  comes(ann_, 1);
  all_.pass(1s);
  ann_.receive();
  EXPECT_FALSE(ann_.is_recovered);
}

TEST_F(AppRecoveryTest, who_ends_too_takes_none_and_the_last_has_nobody_to_leave_them_to) {
  ann_.lose();
  SimulatedClient bob(all_);
  bob.connect(1);
  bob.receive(), bob.lose();
  for (const std::size_t i : {0, 1}) EXPECT_TRUE(all_.all[i]->app.socketio().leave_seats(all_.now));
  all_.hear_all();
  for (const std::size_t i : {0, 1}) {
    EXPECT_TRUE(all_.all[i]->app.socketio().has_left_seats());
    all_.all[i]->is_gone = true;
  }
  EXPECT_FALSE(all_.all[2]->app.socketio().leave_seats(all_.now)) << "there is no other";
  comes(ann_, 2), comes(bob, 2);
  EXPECT_TRUE(ann_.is_recovered && bob.is_recovered);
}

// Processes that hear at their own pace, clients that hear a part, break off and come again.
struct Troubled {
  struct One {
    SimulatedClient client;
    std::map<std::string, std::size_t> since{};  // of its channels: the first word that is for it
    bool is_away = false;
  };
  struct Said {
    std::string channel, but;
    int what;
  };
  Troubled() {
    for (std::size_t i = 0; i < 3; ++i) {
      ones.push_back({SimulatedClient(all)});
      ones.back().client.connect(i);
      ones.back().client.receive();
    }
  }
  std::size_t some_process() { return *rc::gen::inRange<std::size_t>(0, all.all.size()); }
  std::string some_channel() { return *rc::gen::element<std::string>("a", "b", "c"); }

  void say(int what, const One& one) {
    const Said word{some_channel(), *rc::gen::element(std::string(), one.client.sid), what};
    said[all.words.size()] = word;
    all.all[some_process()]->app.publish(
        word.channel, {.event = "said", .data = std::to_string(what)}, {.id = word.but});
  }
  void hear() {
    auto& process = *all.all[some_process()];
    for (int i = *rc::gen::inRange(1, 6); i > 0 && all.hear(process); --i);
  }
  void subscribe(One& one) {
    const auto channel = some_channel();
    if (one.is_away || one.since.contains(channel)) return;
    one.client.subscribe(channel);
    one.since[channel] = one.client.at().heard;
  }
  void break_off(One& one) {  // its process may not know
    if (!one.is_away && *rc::gen::arbitrary<bool>()) one.client.lose();
    one.is_away = true;
  }
  void come_again(One& one) {
    if (!one.is_away) return;
    one.client.connect(some_process());
    while (!one.client.is_told()) {
      RC_ASSERT(all.is_behind());
      all.hear(*all.all[some_process()]);
    }
    one.client.receive(*rc::gen::inRange<std::size_t>(1, 5));
    one.is_away = false;
    RC_ASSERT(one.client.is_recovered);
  }
  void step(int number) {
    One& one = ones[*rc::gen::inRange<std::size_t>(0, ones.size())];
    const int what = *rc::gen::inRange(0, 8);
    if (what < 2) say(number, one);
    if (what == 2 || what == 3) hear();
    if (what == 4 && !one.is_away) one.client.receive(*rc::gen::inRange<std::size_t>(0, 4));
    if (what == 5) subscribe(one);
    if (what == 6) break_off(one);
    if (what == 7) come_again(one);
  }
  Numbers expected(const One& one) const {
    Numbers numbers;
    for (const auto& [at, word] : said) {
      const auto reads = one.since.find(word.channel);
      if (reads != one.since.end() && at >= reads->second && word.but != one.client.sid)
        numbers.push_back(word.what);
    }
    return numbers;
  }

  SimulatedApps all{3};
  std::vector<One> ones;
  std::map<std::size_t, Said> said;  // by its place on the bus
};

// As long as all is kept and nobody dies, everybody is recovered, hears each message once and in
// the order of the bus, and is at one process.
TEST(AppRecovery, nothing_is_lost_and_nothing_comes_twice) {
  EXPECT_TRUE(rc::check([] {
    Troubled world;
    for (int step = *rc::gen::inRange(0, 200); step > 0; --step) world.step(step);
    for (auto& one : world.ones) {
      world.come_again(one);
      world.all.hear_all();
      one.client.receive();
      RC_ASSERT(one.client.heard == world.expected(one));
      std::size_t known = 0;
      for (const auto& process : world.all.all)
        known += process->app.socketio().client_of(one.client.sid).has_value();
      RC_ASSERT(known == 1U);
    }
  }));
}

}  // namespace
}  // namespace utakata::realtime
