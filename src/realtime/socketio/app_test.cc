// A tenant's clients of Socket.IO talk to each other, without a connection: what each of them hears
// is kept as text.
#include "realtime/socketio/app.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "realtime/socketio/ears_for_tests.h"

namespace utakata::realtime {
namespace {

TenantSpec tenant() {
  return {.id = "1",
          .name = "show",
          .key = {"key", "secret"},
          .takes_client_events = true,
          .client_events_per_second = 2};
}

class SocketIoAppTest : public testing::Test {
 protected:
  // Three clients, connected to "/" as sid 1, 3, 5 (the epoch is 0, and pids are between).
  SocketIoAppTest() {
    for (const ClientSlot client : {1, 2, 3}) {
      app_.opens(client, now_);
      app_.says(client, "0", now_);
    }
    out_.by_client.clear();
  }
  void say(ClientSlot client, const std::string& text) { app_.says(client, text, now_); }
  std::string signed_for(const std::string& sid, const std::string& channel,
                         const std::string& data = {}) {
    return fmt::format(R"({{"auth":"{}","channel_data":{}}})",
                       channel_auth({"key", "secret"}, sid, channel, data), json_text(data));
  }
  std::string sid(ClientSlot client) { return std::to_string(2 * client - 1); }
  void come(ClientSlot client, const std::string& channel, const std::string& data = {}) {
    say(client,
        fmt::format(R"(27["subscribe","{}",{}])", channel, signed_for(sid(client), channel, data)));
  }
  std::string heard(ClientSlot client) { return std::exchange(out_.by_client[client], {}); }
  // As the server does for what comes from an API or from another dialect.
  void publish(const std::string& channel, const std::string& data,
               const std::string& event = "said", std::optional<ClientSlot> but = {}) {
    const auto message = std::make_shared<const Message>(Message{.event = event, .data = data});
    app_.hears(channel, *message, channels_.publish(channel, message, now_), but);
  }
  void published(std::string_view channel, Message&& message, const Sender& sender) {
    const auto shared = std::make_shared<const Message>(std::move(message));
    const bool is_kept = shared->attachments.empty();
    if (is_kept) to_others_ += fmt::format("{} {} {}\n", channel, shared->event, shared->data);
    app_.hears(channel, *shared, is_kept ? channels_.publish(channel, shared, now_) : Position(),
               sender.client);
  }
  std::string news() { return std::exchange(told_, {}); }

  Instant now_{1h};
  SocketIoEars out_;
  int random_ = 0;
  Channels channels_{{}, [] { return std::string("e"); }};
  std::string to_others_, told_;
  SocketIoApp app_{
      tenant(),
      {.namespaces = {"/custom"}},
      channels_,
      out_,
      {[this] { return std::to_string(random_++); }, [this] { return std::to_string(random_++); }},
      {.publish =
           [this](auto channel, auto&& message, const Sender& sender) {
             return published(channel, std::move(message), sender), true;
           },
       .news =
           [this](const News& one) {
             told_ += fmt::format("{} {} {}\n", one.name, one.channel, one.member.user);
           }}};
};

TEST_F(SocketIoAppTest, who_connects_gets_an_id_for_all_and_one_for_itself) {
  app_.opens(9, now_);
  say(9, "0");
  EXPECT_EQ(heard(9), R"(0{"sid":"7","pid":"8"})"
                      "\n");
  EXPECT_EQ(app_.client_of("7"), 9u);
  say(9, R"(0/custom,{"token":"abc"})");
  EXPECT_EQ(heard(9), R"(0/custom,{"sid":"9","pid":"10"})"
                      "\n");
  say(9, "0/random");
  EXPECT_EQ(heard(9), R"(4/random,{"message":"Invalid namespace"})"
                      "\n");
  EXPECT_EQ(app_.clients(), 5u);
  app_.leaves(9, now_);
  EXPECT_EQ(app_.clients(), 3u);
  EXPECT_EQ(app_.client_of("7"), std::nullopt);
}

TEST_F(SocketIoAppTest, who_does_not_connect_in_time_is_cut_once) {
  app_.opens(9, now_);
  app_.expire(now_ + 44s);
  EXPECT_EQ(heard(9), "");
  app_.expire(now_ + 45s);
  app_.expire(now_ + 46s);
  EXPECT_EQ(heard(9), "ended: It did not connect to a namespace.\n");
  EXPECT_EQ(heard(1), "");
}

TEST_F(SocketIoAppTest, what_is_no_packet_ends_the_connection) {
  for (const std::string text :
       {"abc", "2{}", R"(2abc["subscribe","a"])", R"(2/custom,["not connected there"])", "0"}) {
    say(1, text);
    EXPECT_TRUE(heard(1).starts_with("ended: ")) << text;
    app_.leaves(1, now_);
    app_.opens(1, now_);
    say(1, "0");
    heard(1);
  }
  app_.says_bytes(1, "none was due", now_);
  EXPECT_TRUE(heard(1).starts_with("ended: "));
  say(1, R"(21["unknown"])");
  EXPECT_EQ(heard(1), "") << "it is not listened to any more";
}

TEST_F(SocketIoAppTest, who_reads_a_channel_hears_what_is_published_on_it) {
  say(1, R"(20["subscribe","news"])");
  EXPECT_EQ(heard(1), "30[{\"ok\":true}]\n");
  say(2, R"(2["subscribe","news"])");
  EXPECT_EQ(heard(2), "") << "no ack was asked for";
  publish("news", R"({"n":1.0})", "said", 2);
  EXPECT_EQ(heard(1), R"(2["said",{"n":1.0},{"channel":"news"}])"
                      "\n");
  EXPECT_EQ(heard(2), "") << "it sent that";
  EXPECT_EQ(heard(3), "") << "it does not read that";
  say(1, R"(21["unsubscribe","news"])");
  say(1, R"(22["unsubscribe","news"])");
  EXPECT_EQ(heard(1),
            "31[{\"ok\":true}]\n"
            R"(32[{"ok":false,"error":"not subscribed to that channel"}])"
            "\n");
  app_.leaves(2, now_);
  publish("news", "2");
  EXPECT_EQ(heard(1) + heard(2), "");
  EXPECT_EQ(news(), "channel_occupied news \nchannel_vacated news \n");
}

TEST_F(SocketIoAppTest, a_message_of_a_reserved_name_is_not_told_since_it_would_cut_who_hears_it) {
  come(1, "news"), heard(1);
  publish("news", "1", "disconnect");
  EXPECT_EQ(heard(1), "");
}

TEST_F(SocketIoAppTest, private_channels_want_a_signature_for_this_very_id) {
  const std::string refused = R"(37[{"ok":false,"error":"invalid signature"}])"
                              "\n";
  say(1, R"(27["subscribe","private-a"])");
  EXPECT_EQ(heard(1), refused);
  say(1, R"(27["subscribe","private-a",)" + signed_for(sid(2), "private-a") + "]");
  EXPECT_EQ(heard(1), refused);
  come(1, "private-a");
  EXPECT_EQ(heard(1), "37[{\"ok\":true}]\n");
  come(1, "private-a");
  EXPECT_NE(heard(1).find(R"("ok":false)"), std::string::npos) << "it reads it already";
}

TEST_F(SocketIoAppTest, names_that_are_none_are_refused) {
  for (const std::string arguments : {"", ",7", ",\"\"", ",\"a b\"", ",\"#server-to-user-1\""}) {
    say(1, "27[\"subscribe\"" + arguments + "]");
    EXPECT_NE(heard(1).find("a channel has a name"), std::string::npos) << arguments;
  }
}

TEST_F(SocketIoAppTest, members_hear_of_users_that_come_and_go) {
  come(1, "presence-a", R"({"user_id":"ann"})");
  EXPECT_EQ(heard(1), R"(37[{"ok":true,"members":[{"user_id":"ann"}]}])"
                      "\n");
  come(2, "presence-a", R"({"user_id":"bob","user_info":{"n":1}})");
  EXPECT_EQ(heard(2), R"(37[{"ok":true,"members":[{"user_id":"ann"},)"
                      R"({"user_id":"bob","user_info":{"n":1}}]}])"
                      "\n");
  EXPECT_EQ(heard(1), R"(2["member_added",{"user_id":"bob","user_info":{"n":1}},)"
                      R"({"channel":"presence-a"}])"
                      "\n");
  app_.leaves(2, now_);
  EXPECT_EQ(heard(1), R"(2["member_removed",{"user_id":"bob"},{"channel":"presence-a"}])"
                      "\n");
  EXPECT_EQ(news(),
            "channel_occupied presence-a \nmember_added presence-a ann\n"
            "member_added presence-a bob\nmember_removed presence-a bob\n");
}

TEST_F(SocketIoAppTest, client_events_reach_the_others_of_both_dialects_within_the_rate) {
  const std::string event = R"(28["client-move","presence-a",{"x":1}])";
  say(1, event);
  EXPECT_EQ(heard(1), R"(38[{"ok":false,"error":"not subscribed to that channel"}])"
                      "\n");
  come(1, "presence-a", R"({"user_id":"ann"})");
  come(2, "presence-a", R"({"user_id":"bob"})");
  heard(1), heard(2);
  say(1, event);
  EXPECT_EQ(heard(1), "38[{\"ok\":true}]\n");
  EXPECT_EQ(heard(2), R"(2["client-move",{"x":1},{"channel":"presence-a","user_id":"ann"}])"
                      "\n");
  EXPECT_EQ(to_others_, "presence-a client-move {\"x\":1}\n");
  say(1, event), say(1, event);
  EXPECT_NE(heard(1).find("2 client events a second are allowed"), std::string::npos);
  now_ += 1s;
  say(1, R"(2["client-move","presence-a"])");
  EXPECT_NE(heard(2).find(R"(["client-move",null,)"), std::string::npos);
  come(1, "news"), heard(1);
  say(1, R"(28["client-move","news",1])");
  EXPECT_NE(heard(1).find("private and presence"), std::string::npos);
}

TEST_F(SocketIoAppTest, binary_client_events_reach_the_others_with_their_attachments) {
  come(1, "private-a"), come(2, "private-a"), heard(1), heard(2);
  const std::string data = R"([{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])";
  say(1, R"(52-9["client-image","private-a",)" + data + "]");
  app_.says_bytes(1, "one", now_);
  EXPECT_EQ(heard(2), "");
  app_.says_bytes(1, "two", now_);
  EXPECT_EQ(heard(2), R"(52-["client-image",)" + data + R"(,{"channel":"private-a"}])" +
                          "\nbytes one\nbytes two\n");
  EXPECT_EQ(heard(1), "39[{\"ok\":true}]\n");
  EXPECT_EQ(to_others_, "") << "other dialects have no bytes";
  say(1, R"(51-9["subscribe",{"_placeholder":true,"num":0}])");
  app_.says_bytes(1, "news", now_);
  EXPECT_NE(heard(1).find("binary data is for client events only"), std::string::npos);
}

TEST_F(SocketIoAppTest, who_reads_a_channel_turns_its_pages) {
  channels_.limit({.has_timelines = true});
  say(1, R"(25["history","news",{}])");
  EXPECT_EQ(heard(1), R"(35[{"ok":false,"error":"not subscribed to that channel"}])"
                      "\n");
  say(1, R"(2["subscribe","news"])");
  for (const char* const data : {"1", "2"}) publish("news", data);
  channels_.publish("news",
                    std::make_shared<const Message>(
                        Message{.event = "said", .data = R"("{\"n\":3}")", .is_packed = true}),
                    now_);
  heard(1);
  say(1, R"(2["history","news",{}])");
  EXPECT_EQ(heard(1), "") << "no ack was asked for";
  say(1, R"(25["history","news",{"limit":2}])");
  EXPECT_EQ(heard(1), R"(35[{"ok":true,"epoch":"e","newest":3,"messages":[)"
                      R"({"offset":2,"event":"said","data":2},)"
                      R"({"offset":3,"event":"said","data":{"n":3}}],"more":true}])"
                      "\n");
  say(1, R"(25["history","news"])");
  EXPECT_EQ(heard(1), R"(35[{"ok":false,"error":"2 client events or pages a second are allowed"}])"
                      "\n");
  now_ += 1s;
  say(1, R"(25["history","news",{"before":1,"after":1}])");
  EXPECT_NE(heard(1).find("not both"), std::string::npos);
  channels_.limit({});
  say(1, R"(25["history","news",null])");
  EXPECT_EQ(heard(1), R"(35[{"ok":false,"error":"This app keeps no timelines."}])"
                      "\n");
}

TEST_F(SocketIoAppTest, states_put_on_a_sync_channel_go_out_joined_also_through_namespaces) {
  const auto tick = [&] {
    channels_.sync().tick(
        now_ += 50ms, 20,
        {.has_readers = [](const std::string&) { return true; },
         .say = [&](const std::string& channel,
                    const std::string& changed) { app_.hears_sync(channel, changed); }});
  };
  come(1, "sync-a");
  EXPECT_EQ(heard(1), R"(2["utakata:sync_all",{},{"channel":"sync-a"}])"
                      "\n"
                      R"(37[{"ok":true}])"
                      "\n");
  say(1, R"(28["client-sync","sync-a",{"ann":{"x": 1},"hat":"red"}])");
  say(1, R"(2["client-sync","sync-a",{"ann":2}])");
  EXPECT_EQ(heard(1), "38[{\"ok\":true}]\n");
  tick();
  const std::string told = R"(["utakata:sync",{"ann":2,"hat":"red"},{"channel":"sync-a"}])"
                           "\n";
  EXPECT_EQ(heard(1), "2" + told);
  say(2, "0/custom");
  heard(2);
  say(2, R"(2/custom,["subscribe","sync-a"])");
  EXPECT_EQ(heard(2), R"(2/custom,["utakata:sync_all",{"ann":2,"hat":"red"},{"channel":"sync-a"}])"
                      "\n");
  for (const auto& [said, why] : {std::pair(R"({"ann":3})", "another's"), {"5", "object"}}) {
    say(2, fmt::format(R"(2/custom,9["client-sync","sync-a",{}])", said));
    EXPECT_NE(heard(2).find(why), std::string::npos);
  }
  say(2, R"(52-/custom,9["client-sync","sync-a",{"b":{"_placeholder":true,"num":0}}])");
  app_.says_bytes(2, "x", now_);
  app_.says_bytes(2, "y", now_);
  EXPECT_NE(heard(2).find("binary"), std::string::npos);
  say(3, R"(29["client-sync","sync-a",{"cid":1}])");
  EXPECT_NE(heard(3).find("not subscribed"), std::string::npos);
  say(1, R"(29["client-move","sync-a",{"x":1}])");
  EXPECT_NE(heard(1).find("private and presence"), std::string::npos) << "it is open";
  say(2, R"(2/custom,["client-sync","sync-a",{"bob":1}])");
  app_.leaves(1, now_);
  tick();
  EXPECT_EQ(heard(2),
            R"(2/custom,["utakata:sync",{"ann":null,"bob":1,"hat":null},{"channel":"sync-a"}])"
            "\n");
  for (int i = 0; i < 40; ++i) say(2, R"(2/custom,9["client-sync","sync-a",{"bob":1}])");
  EXPECT_NE(heard(2).find("40 states a second"), std::string::npos);
  now_ += 1s;
  say(2, R"(2/custom,9["client-sync","sync-a",{"bob":1}])");
  EXPECT_EQ(heard(2), "3/custom,9[{\"ok\":true}]\n");
}

TEST_F(SocketIoAppTest, who_waits_is_connected_when_it_is_let_in) {
  app_.opens(9, now_, true);
  say(9, "0"), say(9, "0/custom"), say(9, "0/random");
  EXPECT_EQ(heard(9), R"(4/random,{"message":"Invalid namespace"})"
                      "\n");
  app_.lets_in(9, now_);
  EXPECT_EQ(heard(9), "0{\"sid\":\"7\",\"pid\":\"8\"}\n0/custom,{\"sid\":\"9\",\"pid\":\"10\"}\n");
  app_.lets_in(9, now_);
  EXPECT_EQ(heard(9), "");
  app_.opens(10, now_, true);
  app_.lets_in(10, now_);
  say(10, "0");
  EXPECT_EQ(heard(10), R"(0{"sid":"11","pid":"12"})"
                       "\n");
}

TEST_F(SocketIoAppTest, who_is_turned_away_is_told_why_where_it_connects) {
  app_.opens(8, now_, true);
  say(8, "0");
  app_.turns_away(8, "no");
  EXPECT_EQ(heard(8), "4{\"message\":\"no\"}\nended: no\n");
  app_.opens(9, now_, true);
  app_.turns_away(9, "no");
  EXPECT_EQ(heard(9), "");
  say(9, "0/custom");
  EXPECT_EQ(heard(9), "4/custom,{\"message\":\"no\"}\nended: no\n");
  app_.lets_in(9, now_), say(9, "0");
  EXPECT_EQ(heard(9), "");
  for (const char* wrong : {R"(2["subscribe","news"])", "0"}) {
    app_.opens(10, now_, true);
    say(10, "0"), say(10, wrong);
    EXPECT_NE(heard(10).find("ended"), std::string::npos) << wrong;
    app_.lets_in(10, now_);
    EXPECT_EQ(heard(10), "");
    app_.leaves(10, now_);
  }
  app_.opens(10, now_);
  say(10, "0");
  EXPECT_NE(heard(10).find("sid"), std::string::npos) << "the next one of that slot does not wait";
}

TEST_F(SocketIoAppTest, what_is_not_known_is_told_to_who_asked_for_an_ack) {
  say(1, R"(2["message",1,"2",{"3":[true]}])");
  EXPECT_EQ(heard(1), "");
  say(1, R"(2456["message-with-ack",1,"2",{"3":[false]}])");
  EXPECT_EQ(heard(1), R"(3456[{"ok":false,"error":"unknown event"}])"
                      "\n");
  say(1, "31[]"), say(1, R"(4{"message":"no"})"), say(1, "1/custom");
  EXPECT_EQ(heard(1), "") << "answers to nothing";
}

TEST_F(SocketIoAppTest, a_namespace_is_left_and_the_connection_goes_on) {
  come(1, "news");
  say(1, "0/custom");
  say(1, R"(2/custom,5["subscribe","sport"])");
  heard(1), news();
  publish("sport", "1");
  EXPECT_EQ(heard(1), R"(2/custom,["said",1,{"channel":"sport"}])"
                      "\n");
  say(2, R"(2["subscribe","sport"])");
  publish("sport", "2");
  EXPECT_EQ(heard(1), R"(2/custom,["said",2,{"channel":"sport"}])"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["said",2,{"channel":"sport"}])"
                      "\n");
  say(1, "1/custom");
  publish("sport", "3"), publish("news", "4");
  EXPECT_EQ(heard(1), R"(2["said",4,{"channel":"news"}])"
                      "\n");
  say(1, "1");
  publish("news", "5");
  EXPECT_EQ(heard(1), "");
  EXPECT_EQ(news(), "channel_vacated news \n");
}

TEST_F(SocketIoAppTest, who_reads_a_cache_channel_hears_its_last_message_first) {
  say(1, R"(2["subscribe","cache-a"])");
  EXPECT_EQ(news(), "cache_miss cache-a \nchannel_occupied cache-a \n");
  publish("cache-a", "1"), heard(1);
  say(2, R"(2["subscribe","cache-a"])");
  EXPECT_EQ(heard(2), R"(2["said",1,{"channel":"cache-a"}])"
                      "\n");
}

TEST_F(SocketIoAppTest, sends_nobody_what_it_hears_of_members_of_the_other_dialect_twice) {
  come(1, "presence-a", R"({"user_id":"ann"})"), heard(1);
  app_.hears_added("presence-a", {.user = "bob", .info = {}}, 77);
  app_.hears_removed("presence-a", "bob");
  EXPECT_EQ(heard(1), R"(2["member_added",{"user_id":"bob"},{"channel":"presence-a"}])"
                      "\n"
                      R"(2["member_removed",{"user_id":"bob"},{"channel":"presence-a"}])"
                      "\n");
}

}  // namespace
}  // namespace utakata::realtime
