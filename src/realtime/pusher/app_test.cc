// A tenant's clients talk to each other, without a socket: what each of them hears is kept as text.
#include "realtime/pusher/app.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "realtime/pusher/ears_for_tests.h"

namespace utakata::realtime {
namespace {

TenantSpec tenant() {
  return {.id = "1",
          .name = "show",
          .key = {"key", "secret"},
          .takes_client_events = true,
          .client_events_per_second = 2,
          .channels = {.has_timelines = true}};
}

class PusherAppTest : public testing::Test {
 protected:
  PusherAppTest() {
    for (ClientSlot client : {1, 2, 3}) app_.opens(client, SocketId::of(7, client));
    out_.by_client.clear();
  }
  void say(ClientSlot client, const std::string& text) { app_.says(client, text, now_); }
  void come(ClientSlot client, const std::string& channel, const std::string& data = {}) {
    const std::string auth =
        channel_auth({"key", "secret"}, fmt::format("7.{}", client), channel, data);
    say(client, fmt::format(R"({{"event":"pusher:subscribe","data":{{"channel":"{}","auth":"{}",)"
                            R"("channel_data":{}}}}})",
                            channel, auth, json_text(data)));
  }
  std::string heard(ClientSlot client) { return std::exchange(out_.by_client[client], {}); }
  Expected<void> publish(const std::string& channel, const std::string& data,
                         const std::string& but = {}) {
    return app_.publish(
        {.event = "said", .data = data, .channels = {channel}, .but_socket_id = but});
  }
  // As the tenant does, for all dialects.
  bool published(std::string_view channel, const Message& message, const Sender& sender) {
    const auto but = sender.client ? sender.client : app_.client_of(sender.id);
    const auto shared = std::make_shared<const Message>(message);
    if (channel.starts_with(user_channel_prefix))
      app_.hears_as_user(std::string(channel.substr(user_channel_prefix.size())), message, but);
    else
      app_.hears(channel, message, channels_.publish(channel, shared, now_), but);
    return true;
  }
  void tick(Instant now) {
    channels_.sync().tick(
        now, 20,
        {.has_readers = [](const std::string&) { return true; },
         .say = [this](const std::string& channel,
                       const std::string& changed) { app_.hears_sync(channel, changed); }});
  }
  std::string news() { return std::exchange(news_, {}); }

  Instant now_{1h};
  PusherEars out_;
  std::string news_;
  Channels channels_{tenant().channels, [] { return std::string("e"); }};
  DialectHooks hooks() {
    DialectHooks hooks;
    hooks.publish = [this](auto channel, auto&& message, const Sender& sender) {
      return published(channel, message, sender);
    };
    hooks.news = [this](const News& one) {
      news_ += fmt::format("{} {} {}\n", one.name, one.channel, one.member.user);
    };
    return hooks;
  }
  PusherApp app_{tenant(), channels_, out_, hooks()};
};

TEST_F(PusherAppTest, who_reads_a_channel_hears_what_is_published_on_it_once_each) {
  come(1, "news");
  come(2, "news");
  EXPECT_EQ(heard(1),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"})"
            "\n");
  heard(2);
  ASSERT_TRUE(publish("news", "\"hello\"", "7.2"));
  EXPECT_EQ(heard(1),
            "{\"event\":\"said\",\"channel\":\"news\",\"data\":\"hello\",\"offset\":1}\n");
  EXPECT_EQ(heard(2), "") << "it sent that";
  EXPECT_EQ(heard(3), "") << "it does not read that";
  app_.leaves(2, now_);
  ASSERT_TRUE(publish("news", "1"));
  EXPECT_EQ(heard(2), "");
  EXPECT_EQ(news(), "channel_occupied news \n");
  app_.leaves(1, now_);
  EXPECT_EQ(news(), "channel_vacated news \n");
  EXPECT_EQ(app_.clients(), 1u);
}

TEST_F(PusherAppTest, private_channels_want_a_signature_for_this_very_client) {
  say(1, R"({"event":"pusher:subscribe","data":{"channel":"private-a"}})");
  EXPECT_NE(heard(1).find("\"AuthError\""), std::string::npos);
  const std::string others = channel_auth({"key", "secret"}, "7.2", "private-a");
  say(1,
      fmt::format(R"({{"event":"pusher:subscribe","data":{{"channel":"private-a","auth":"{}"}}}})",
                  others));
  EXPECT_NE(heard(1).find("\"AuthError\""), std::string::npos);
  come(1, "private-a");
  EXPECT_NE(heard(1).find("subscription_succeeded"), std::string::npos);
}

TEST_F(PusherAppTest, members_hear_of_users_that_come_and_go_not_of_tabs) {
  come(1, "presence-a", R"({"user_id":"ann"})");
  EXPECT_NE(heard(1).find(R"(\"count\":1)"), std::string::npos);
  come(2, "presence-a", R"({"user_id":"bob","user_info":{"n":1}})");
  EXPECT_NE(heard(1).find(R"(member_added","channel":"presence-a","data":"{\"user_id\":\"bob\")"),
            std::string::npos);
  EXPECT_NE(heard(2).find(R"(\"ids\":[\"ann\",\"bob\"])"), std::string::npos);
  come(3, "presence-a", R"({"user_id":"ann"})");
  EXPECT_EQ(heard(1), "") << "her second tab";
  app_.leaves(1, now_);
  EXPECT_EQ(heard(2), "") << "one tab is left";
  app_.leaves(3, now_);
  EXPECT_NE(heard(2).find("member_removed"), std::string::npos);
  EXPECT_EQ(
      news(),
      "channel_occupied presence-a \nmember_added presence-a ann\nmember_added presence-a bob\n"
      "member_removed presence-a ann\n");
  come(2, "presence-b", R"({"user_info":1})");
  EXPECT_NE(heard(2).find("InvalidRequest"), std::string::npos);
}

TEST_F(PusherAppTest, client_events_reach_the_others_within_the_rate) {
  const std::string event = R"({"event":"client-move","channel":"presence-a","data":{"x":1}})";
  say(1, event);
  EXPECT_NE(heard(1).find("4301"), std::string::npos) << "not subscribed";
  come(1, "presence-a", R"({"user_id":"ann"})");
  come(2, "presence-a", R"({"user_id":"bob"})");
  heard(1), heard(2);
  say(1, event);
  EXPECT_EQ(
      heard(2),
      R"({"event":"client-move","channel":"presence-a","data":{"x":1},"user_id":"ann","offset":1})"
      "\n");
  EXPECT_EQ(heard(1), "");
  say(1, event);
  say(1, event);
  EXPECT_NE(heard(1).find("\"code\":4301"), std::string::npos) << "two a second";
  now_ += 1s;
  heard(2);
  say(1, event);
  EXPECT_NE(heard(2), "");
  come(1, "open");
  heard(1);
  say(1, R"({"event":"client-move","channel":"open","data":1})");
  EXPECT_NE(heard(1).find("4301"), std::string::npos) << "anybody may read that";
}

TEST_F(PusherAppTest, who_comes_back_hears_what_it_missed) {
  come(1, "news");
  publish("news", "1");
  app_.leaves(1, now_);
  publish("news", "2");
  publish("news", "3");
  heard(1);
  app_.opens(1, SocketId::of(7, 9));
  heard(1);
  say(1, R"({"event":"pusher:subscribe","data":{"channel":"news","recover":{"epoch":"e",)"
         R"("offset":1}}})");
  EXPECT_EQ(heard(1),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"news",)"
            R"("data":"{\"position\":{\"epoch\":\"e\",\"offset\":3},\"recovered\":true}"})"
            "\n"
            R"({"event":"said","channel":"news","data":2,"offset":2})"
            "\n"
            R"({"event":"said","channel":"news","data":3,"offset":3})"
            "\n");
  say(2, R"({"event":"pusher:subscribe","data":{"channel":"news","recover":{"epoch":"old",)"
         R"("offset":1}}})");
  EXPECT_NE(heard(2).find(R"(\"recovered\":false)"), std::string::npos);
}

TEST_F(PusherAppTest, who_reads_a_channel_turns_its_pages) {
  const auto ask = [&](ClientSlot client, const std::string& data) {
    say(client, fmt::format(R"({{"event":"utakata:history","data":{}}})", data));
    return heard(client);
  };
  const std::string told = R"({"event":"utakata:history","channel":"news","data":{"epoch":"e",)";
  EXPECT_NE(ask(1, R"({"channel":"news"})").find("Subscribe to the channel first."),
            std::string::npos);
  come(1, "news");
  come(2, "news");
  heard(1), heard(2);
  now_ += 1s;
  EXPECT_EQ(ask(1, R"({"channel":"news"})"), told + R"("newest":0,"messages":[],"more":false}})"
                                                    "\n");
  for (const char* const data : {"1", R"("{\"n\":2}")", "3"}) publish("news", data);
  heard(1), heard(2);
  EXPECT_EQ(ask(1, R"({"channel":"news","limit":1,"before":3})"),
            told + R"("newest":3,"messages":[{"offset":2,"event":"said","data":"{\"n\":2}"}],)"
                   R"("more":true}})"
                   "\n");
  EXPECT_EQ(heard(2), "") << "that was for who asked";
  EXPECT_NE(ask(1, R"({"channel":"news"})").find("2 client events or pages a second"),
            std::string::npos);
  now_ += 1s;
  EXPECT_NE(ask(1, R"("{\"channel\":\"news\",\"after\":2}")").find(R"("messages":[{"offset":3,)"),
            std::string::npos)
      << "data as a text";
  say(1, R"({"event":"utakata:history","channel":"news","data":{"limit":"2"}})");
  EXPECT_EQ(heard(1), R"({"event":"pusher:error","data":{"code":4301,"message":"`limit` must be )"
                      R"(a whole number from 1 to 100."}})"
                      "\n");
  now_ += 1s;
  say(1, R"({"event":"utakata:history","channel":"news"})");
  EXPECT_NE(heard(1).find(R"("newest":3,)"), std::string::npos) << "without data";
  channels_.limit({});
  EXPECT_NE(ask(1, R"({"channel":"news"})").find("This app keeps no timelines."),
            std::string::npos);
}

TEST_F(PusherAppTest, a_cache_channel_tells_its_last_or_that_there_is_none) {
  come(1, "cache-a");
  EXPECT_NE(heard(1).find("pusher:cache_miss"), std::string::npos);
  EXPECT_EQ(news(), "cache_miss cache-a \nchannel_occupied cache-a \n");
  publish("cache-a", "5");
  come(2, "cache-a");
  EXPECT_NE(heard(2).find(R"("data":5)"), std::string::npos);
}

TEST_F(PusherAppTest, a_user_signs_in_is_spoken_to_and_cut_off) {
  const std::string data = R"({"id":"ann"})";
  const auto sign_in = [&](ClientSlot client, const std::string& auth) {
    say(client, fmt::format(R"({{"event":"pusher:signin","data":{{"auth":"{}","user_data":{}}}}})",
                            auth, json_text(data)));
  };
  sign_in(1, user_auth({"key", "secret"}, "7.1", data));
  EXPECT_NE(heard(1).find("signin_success"), std::string::npos);
  sign_in(2, user_auth({"key", "secret"}, "7.1", data));
  EXPECT_NE(heard(2).find("ended 4009"), std::string::npos) << "another's signature";
  const auto listen = [&](ClientSlot client) {
    say(client, R"({"event":"pusher:subscribe","data":{"channel":"#server-to-user-ann"}})");
    return heard(client);
  };
  EXPECT_NE(listen(1).find("subscription_succeeded"), std::string::npos) << "pusher-js asks for it";
  EXPECT_NE(listen(3).find("AuthError"), std::string::npos) << "another user's";
  ASSERT_TRUE(app_.publish({.event = "hi", .data = "1", .channels = {"#server-to-user-ann"}}));
  EXPECT_EQ(heard(1), R"({"event":"hi","channel":"#server-to-user-ann","data":1})"
                      "\n");
  EXPECT_EQ(app_.cut_user("ann"), 1);
  EXPECT_EQ(heard(1), "ended 4009\n");
  EXPECT_EQ(app_.cut_user("nobody"), 0);
}

TEST_F(PusherAppTest, who_waits_is_told_nothing_and_heard_by_nobody_until_it_is_let_in) {
  for (const ClientSlot client : {8, 9}) {
    app_.opens(client, SocketId::of(7, client), true);
    EXPECT_EQ(heard(client), "");
    say(client, R"({"event":"pusher:subscribe","data":{"channel":"news"}})");
    EXPECT_NE(heard(client).find("Wait for pusher:connection_established."), std::string::npos);
  }
  EXPECT_EQ(channels_.readers_count("news"), 0u);
  app_.lets_in(8, 60);
  EXPECT_NE(heard(8).find(R"(\"activity_timeout\":60)"), std::string::npos);
  say(8, R"({"event":"pusher:subscribe","data":{"channel":"news"}})");
  EXPECT_EQ(channels_.readers_count("news"), 1u);
  app_.turns_away(9, pusher_code::unauthorized, "No.");
  EXPECT_TRUE(heard(9).ends_with("ended 4009\n"));
  app_.leaves(9, now_);
  EXPECT_EQ(app_.client_of("7.9"), std::nullopt);
}

TEST_F(PusherAppTest, states_put_on_a_sync_channel_go_out_joined_at_ticks) {
  const auto put = [&](ClientSlot client, const std::string& channel, const std::string& data) {
    say(client,
        fmt::format(R"({{"event":"client-sync","channel":"{}","data":{}}})", channel, data));
  };
  come(1, "presence-sync-a", R"({"user_id":"ann"})");
  EXPECT_NE(heard(1).find(R"("event":"utakata:sync_all","channel":"presence-sync-a","data":{}})"),
            std::string::npos);
  come(2, "presence-sync-a", R"({"user_id":"bob"})");
  heard(1), heard(2);
  EXPECT_FALSE(channels_.sync().due());
  put(1, "presence-sync-a", R"({"ann":{"x": 1},"hat":"red"})");
  put(1, "presence-sync-a", R"({"ann":{"x": 2}})");
  put(2, "presence-sync-a", R"({"bob":[1,2]})");
  EXPECT_EQ(heard(1) + heard(2), "");
  tick(now_);
  const std::string first = R"({"event":"utakata:sync","channel":"presence-sync-a",)"
                            R"("data":{"ann":{"x": 2},"bob":[1,2],"hat":"red"}})"
                            "\n";
  EXPECT_EQ(heard(1), first);
  EXPECT_EQ(heard(2), first);
  put(2, "presence-sync-a", R"({"ann":0})");
  EXPECT_NE(heard(2).find("another's"), std::string::npos);
  put(2, "presence-sync-a", "5");
  EXPECT_NE(heard(2).find("must be an object"), std::string::npos);
  put(1, "presence-sync-a", R"({"hat":null,"ann":3})");
  tick(now_ + 10ms);
  EXPECT_EQ(heard(2), "") << "20 a second";
  tick(now_ + 50ms);
  EXPECT_NE(heard(2).find(R"("data":{"ann":3,"hat":null})"), std::string::npos);
  come(3, "presence-sync-a", R"({"user_id":"cid"})");
  EXPECT_NE(heard(3).find(R"("event":"utakata:sync_all","channel":"presence-sync-a",)"
                          R"("data":{"ann":3,"bob":[1,2]})"),
            std::string::npos);
  app_.leaves(1, now_);
  heard(2);
  tick(now_ + 100ms);
  EXPECT_NE(heard(2).find(R"("data":{"ann":null})"), std::string::npos) << "she has left";
  for (ClientSlot client : {2, 3}) app_.leaves(client, now_);
  tick(now_ + 150ms);
  EXPECT_FALSE(channels_.sync().due());
}

TEST_F(PusherAppTest, open_sync_channels_take_states_and_no_other_events) {
  come(1, "sync-a");
  heard(1);
  say(1, R"({"event":"client-sync","channel":"sync-a","data":{"k":1}})");
  EXPECT_EQ(heard(1), "");
  tick(now_);
  EXPECT_NE(heard(1).find("utakata:sync"), std::string::npos);
  say(1, R"({"event":"client-move","channel":"sync-a","data":{"k":1}})");
  EXPECT_NE(heard(1).find("4301"), std::string::npos);
  say(2, R"({"event":"client-sync","channel":"sync-a","data":{"k":1}})");
  EXPECT_NE(heard(2).find("4301"), std::string::npos) << "it does not read it";
  for (int i = 0; i < 40; ++i)
    say(1, R"({"event":"client-sync","channel":"sync-a","data":{"k":1}})");
  EXPECT_NE(heard(1).find("40 states a second"), std::string::npos) << "twice a tick";
}

TEST_F(PusherAppTest, what_makes_no_sense_is_answered_and_changes_nothing) {
  say(1, "}{");
  EXPECT_NE(heard(1).find("\"code\":null"), std::string::npos);
  come(1, "no spaces");
  EXPECT_NE(heard(1).find("Invalid channel name"), std::string::npos);
  come(1, "a");
  heard(1);
  come(1, "a");
  EXPECT_NE(heard(1).find("Existing subscription"), std::string::npos);
  EXPECT_FALSE(publish("no spaces", "1"));
  EXPECT_FALSE(publish("a", std::string(20'000, '1')));
  EXPECT_FALSE(app_.publish({.event = "", .data = "1", .channels = {"a"}}));
  EXPECT_FALSE(app_.publish({.event = "x", .data = "1", .channels = {}}));
  EXPECT_EQ(heard(1), "");
}

}  // namespace
}  // namespace utakata::realtime
