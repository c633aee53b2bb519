// A client of Pusher and one of Socket.IO on the channels of one tenant, without a connection.
#include "realtime/app/app.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "realtime/pusher/ears_for_tests.h"
#include "realtime/socketio/ears_for_tests.h"

namespace utakata::realtime {
namespace {

class AppTest : public testing::Test {
 protected:
  AppTest() {
    app_.pusher().opens(1, SocketId::of(7, 1));
    app_.socketio().opens(2, now_);
    app_.socketio().says(2, "0", now_);
    heard(1), heard(2);
  }
  std::string auth(const std::string& id, const std::string& channel, const std::string& data) {
    return fmt::format(R"("auth":"{}","channel_data":{})",
                       channel_auth({"key", "secret"}, id, channel, data), json_text(data));
  }
  void pusher_comes(const std::string& channel, const std::string& data = {}) {
    app_.pusher().says(1,
                       fmt::format(R"({{"event":"pusher:subscribe","data":{{"channel":"{}",{}}}}})",
                                   channel, auth("7.1", channel, data)),
                       now_);
  }
  void socketio_comes(const std::string& channel, const std::string& data = {}) {
    app_.socketio().says(
        2, fmt::format(R"(2["subscribe","{}",{{{}}}])", channel, auth("1", channel, data)), now_);
  }
  std::string heard(ClientSlot client) {
    return std::exchange(pusher_.by_client[client], {}) +
           std::exchange(socketio_.by_client[client], {});
  }

  Instant now_{1h};
  PusherEars pusher_;
  SocketIoEars socketio_;
  int random_ = 0;
  std::string news_;
  bool is_full_ = false;
  App app_{
      {.id = "1",
       .name = "show",
       .key = {"key", "secret"},
       .takes_client_events = true,
       .tells_subscription_counts = true},
      {.recovery = {.away = Duration{0}}},
      {pusher_, socketio_, [this] { return is_full_; }},
      {[this] { return std::to_string(random_++); }, [this] { return std::to_string(random_++); }},
      [this](const News& one) {
        news_ += fmt::format("{} {} {}\n", one.name, one.channel, one.member.user);
      },
      [this] { return now_; }};
};

TEST_F(AppTest, both_hear_what_is_published) {
  pusher_comes("news"), socketio_comes("news");
  heard(1), heard(2);
  app_.publish("news", {.event = "said", .data = R"({"a":1})"}, {});
  EXPECT_EQ(heard(1), R"({"event":"said","channel":"news","data":{"a":1}})"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["said",{"a":1},{"channel":"news"}])"
                      "\n");
}

TEST_F(AppTest, what_the_api_packs_into_a_text_is_unpacked_for_who_has_no_such_custom) {
  socketio_comes("news");
  for (const auto& [data, told] :
       {std::pair(R"("{\"a\":1}")", R"({"a":1})"), std::pair(R"("plain")", R"("plain")"),
        std::pair(R"("[1")", R"("[1")")}) {
    heard(2);
    EXPECT_TRUE(app_.pusher().publish({.event = "said", .data = data, .channels = {"news"}}));
    EXPECT_EQ(heard(2), fmt::format("2[\"said\",{},{{\"channel\":\"news\"}}]\n", told));
  }
}

TEST_F(AppTest, who_published_does_not_hear_it_in_either_dialect) {
  pusher_comes("news"), socketio_comes("news");
  for (const auto& [id, who, other] : {std::tuple("7.1", 1u, 2u), std::tuple("1", 2u, 1u)}) {
    heard(1), heard(2);
    app_.publish("news", {.event = "said", .data = "1"}, {.id = id});
    EXPECT_EQ(heard(who), "");
    EXPECT_NE(heard(other), "");
  }
}

TEST_F(AppTest, client_events_cross_over) {
  pusher_comes("private-a"), socketio_comes("private-a");
  heard(1), heard(2);
  app_.pusher().says(1, R"({"event":"client-x","channel":"private-a","data":5})", now_);
  EXPECT_EQ(heard(2), R"(2["client-x",5,{"channel":"private-a"}])"
                      "\n");
  app_.socketio().says(2, R"(2["client-y","private-a",6])", now_);
  EXPECT_EQ(heard(1), R"({"event":"client-y","channel":"private-a","data":6})"
                      "\n");
  EXPECT_EQ(heard(2), "");
}

TEST_F(AppTest, states_of_a_sync_channel_are_of_both) {
  pusher_comes("sync-a"), socketio_comes("sync-a");
  heard(1), heard(2);
  app_.pusher().says(1, R"({"event":"client-sync","channel":"sync-a","data":{"pat":1}})", now_);
  app_.socketio().says(2, R"(2["client-sync","sync-a",{"sue":2}])", now_);
  app_.tick(now_);
  EXPECT_EQ(heard(1), R"({"event":"utakata:sync","channel":"sync-a","data":{"pat":1,"sue":2}})"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["utakata:sync",{"pat":1,"sue":2},{"channel":"sync-a"}])"
                      "\n");
  app_.socketio().leaves(2, now_);
  app_.tick(now_ + 50ms);
  EXPECT_NE(heard(1).find(R"("data":{"sue":null}})"), std::string::npos);
  app_.pusher().says(1, R"({"event":"pusher:unsubscribe","data":{"channel":"sync-a"}})", now_);
  pusher_comes("sync-a");
  EXPECT_NE(heard(1).find(R"("utakata:sync_all","channel":"sync-a","data":{"pat":1}})"),
            std::string::npos)
      << "it is told as gone at the next tick";
  app_.tick(now_ + 100ms);
  EXPECT_NE(heard(1).find(R"("data":{"pat":null}})"), std::string::npos);
  EXPECT_FALSE(app_.channels().sync().due());
}

TEST_F(AppTest, members_are_one_list) {
  socketio_comes("presence-a", R"({"user_id":"sue"})");
  pusher_comes("presence-a", R"({"user_id":"pat"})");
  EXPECT_NE(heard(1).find(R"(\"ids\":[\"pat\",\"sue\"])"), std::string::npos);
  EXPECT_EQ(heard(2), R"(2["member_added",{"user_id":"pat"},{"channel":"presence-a"}])"
                      "\n");
  app_.socketio().leaves(2, now_);
  EXPECT_NE(heard(1).find("pusher_internal:member_removed"), std::string::npos);
  EXPECT_EQ(news_,
            "channel_occupied presence-a \nmember_added presence-a sue\n"
            "member_added presence-a pat\nmember_removed presence-a sue\n");
}

TEST_F(AppTest, a_user_is_one_in_both_dialects) {
  const std::string data = R"({"id":"ann"})";
  const auto auth_of = [&](const std::string& id) {
    return fmt::format(R"({{"auth":"{}","user_data":{}}})", user_auth({"key", "secret"}, id, data),
                       json_text(data));
  };
  app_.pusher().says(1, fmt::format(R"({{"event":"pusher:signin","data":{}}})", auth_of("7.1")),
                     now_);
  app_.socketio().says(2, fmt::format(R"(2["signin",{}])", auth_of("1")), now_);
  heard(1), heard(2);
  const auto say = [&](const std::string& but) {
    EXPECT_TRUE(app_.pusher().publish(
        {.event = "hi", .data = "5", .channels = {"#server-to-user-ann"}, .but_socket_id = but}));
  };
  say("");
  EXPECT_EQ(heard(1), R"({"event":"hi","channel":"#server-to-user-ann","data":5})"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["hi",5,{"user":true}])"
                      "\n");
  say("1");
  EXPECT_NE(heard(1), "");
  EXPECT_EQ(heard(2), "");
  app_.pusher().terminate_user("ann");
  EXPECT_EQ(heard(1), "ended 4009\n");
  EXPECT_EQ(heard(2), "1\nended: A server disconnected it.\n");
}

TEST_F(AppTest, counts_are_of_both) {
  pusher_comes("news");
  heard(1);
  app_.expire(now_);
  socketio_comes("news");
  EXPECT_NE(heard(1).find(R"("subscription_count\":2)"), std::string::npos);
  EXPECT_NE(heard(2).find(R"(["subscription_count",{"subscription_count":2})"), std::string::npos);
}

TEST_F(AppTest, who_comes_and_goes_all_the_time_is_counted_once_a_second) {
  socketio_comes("news");
  heard(2);
  for (int i = 0; i < 1000; ++i) {
    pusher_comes("news");
    app_.pusher().says(1, R"({"event":"pusher:unsubscribe","data":{"channel":"news"}})", now_);
  }
  pusher_comes("news");
  EXPECT_EQ(heard(2), "") << "the first count of this second was told when it came itself";
  news_.clear();
  app_.expire(now_);
  EXPECT_EQ(heard(2), R"(2["subscription_count",{"subscription_count":2},{"channel":"news"}])"
                      "\n");
  EXPECT_EQ(news_, "subscription_count news \n");
  app_.expire(now_);
  EXPECT_EQ(heard(2), "");
}

TEST_F(AppTest, while_too_much_waits_nothing_is_published_and_who_wanted_to_is_told) {
  pusher_comes("private-a"), socketio_comes("private-a");
  heard(1), heard(2);
  is_full_ = true;
  EXPECT_FALSE(app_.publish("private-a", {.event = "said", .data = "1"}, {}));
  app_.pusher().says(1, R"({"event":"client-x","channel":"private-a","data":5})", now_);
  EXPECT_NE(heard(1).find("Too much waits"), std::string::npos);
  app_.socketio().says(2, R"(27["client-y","private-a",6])", now_);
  EXPECT_EQ(heard(2), R"(37[{"ok":false,"error":"too much waits: try again later"}])"
                      "\n");
  is_full_ = false;
  app_.socketio().says(2, R"(28["client-y","private-a",6])", now_);
  EXPECT_NE(heard(1).find("client-y"), std::string::npos);
}

TEST_F(AppTest, bytes_are_for_readers_who_can_take_them) {
  pusher_comes("private-a"), socketio_comes("private-a");
  heard(1), heard(2);
  app_.publish("private-a", {.event = "client-b", .data = "{}", .attachments = {"xy"}}, {});
  EXPECT_EQ(heard(1), "");
  EXPECT_TRUE(heard(2).ends_with("bytes xy\n"));
}

TEST_F(AppTest, what_a_node_server_said_both_hear_and_nobody_else_is_told) {
  pusher_comes("a"), pusher_comes("b"), socketio_comes("a"), socketio_comes("b");
  heard(1), heard(2);
  app_.on_publish([](NodeBroadcast&&) { ADD_FAILURE() << "an echo"; });
  const auto said = [&](NodeRooms to, std::string space = "/") {
    app_.hears({.space = std::move(space), .to = std::move(to), .json = R"(["said",{"x":1},2])"});
  };
  said({{"a"}, {}});
  EXPECT_EQ(heard(1), R"({"event":"said","channel":"a","data":{"x":1}})"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["said",{"x":1},2])"
                      "\n");
  said({{"a", "b"}, {}});  // a Pusher client hears it of each channel
  EXPECT_EQ(heard(1), R"({"event":"said","channel":"a","data":{"x":1}})"
                      "\n"
                      R"({"event":"said","channel":"b","data":{"x":1}})"
                      "\n");
  EXPECT_EQ(heard(2), R"(2["said",{"x":1},2])"
                      "\n");
  said({{"a"}, {"b"}}), said({{"a"}, {"7.1", app_.socketio().sockets("/", {})[0].sid}});
  EXPECT_EQ(heard(1) + heard(2), "");
  said({});  // a Pusher client hears of channels only
  EXPECT_EQ(heard(1), "");
  EXPECT_EQ(heard(2), R"(2["said",{"x":1},2])"
                      "\n");
  said({{"a"}, {}}, "/chat");
  EXPECT_EQ(heard(1) + heard(2), "");
  app_.hears({.to = {{"a"}, {}},
              .json = R"(["said",{"_placeholder":true,"num":0}])",
              .attachments = {"x"}});
  EXPECT_EQ(heard(1), "");
  EXPECT_EQ(heard(2), R"(51-["said",{"_placeholder":true,"num":0}])"
                      "\nbytes x\n");
}

TEST_F(AppTest, what_is_published_here_node_servers_are_told_as_socketio_clients_hear_it) {
  std::vector<NodeBroadcast> told;
  app_.on_publish([&](NodeBroadcast&& one) { told.push_back(std::move(one)); });
  // As the HTTP API has it: a text with JSON in it, and who asked not to hear it.
  app_.publish("news", {.event = "said", .data = R"("{\"a\":1}")", .is_packed = true},
               {.id = "of-node"});
  app_.publish("presence-x",
               {.event = "client-b",
                .data = R"({"_placeholder":true,"num":0})",
                .user = "ann",
                .attachments = {"x"}},
               {.client = 2, .id = "1"});
  app_.publish("#server-to-user-ann", {.event = "secret", .data = "1"}, {});
  EXPECT_EQ(told,
            (std::vector<NodeBroadcast>{
                {.to = {{"news"}, {"of-node"}}, .json = R"(["said",{"a":1},{"channel":"news"}])"},
                {.to = {{"presence-x"}, {}},
                 .json = R"(["client-b",{"_placeholder":true,"num":0},)"
                         R"({"channel":"presence-x","user_id":"ann"}])",
                 .attachments = {"x"}}}));
  app_.on_publish({});
  app_.publish("news", {.event = "said", .data = "1"}, {});
  EXPECT_EQ(told.size(), 2U);
}

}  // namespace
}  // namespace utakata::realtime
