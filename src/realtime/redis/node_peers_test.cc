#include "realtime/redis/node_peers.h"

#include <gtest/gtest.h>

#include "net/redis/redis_link.h"
#include "realtime/redis/redis_for_tests.h"

namespace utakata::realtime {
namespace {

struct Peer {
  explicit Peer(net::Loop& loop, NodePeersSettings settings)
      : peers(loop, std::move(settings),
              {.heard = [this](const NodeBroadcast& one) { heard += one.json + '\n'; },
               .obey = [this](const std::string& space,
                              const NodeRequest& one) { obeyed += space + node_text(one) + '\n'; },
               .sockets = [](const std::string& space,
                             const NodeRooms&) { return std::vector<NodeSocket>{{space, {}}}; },
               .rooms = [](const std::string&) { return std::vector<std::string>{"a"}; }}) {}
  std::string heard, obeyed;
  NodePeers peers;
};

class NodePeersTest : public testing::Test {
 protected:
  std::unique_ptr<Peer> join(NodePeersSettings settings = {}) {
    settings.address = redis().address();
    auto peer = std::make_unique<Peer>(loop(), settings);
    EXPECT_TRUE(until([&] { return peer->peers.is_joined(); }));
    return peer;
  }
  bool until(const std::function<bool()>& holds) { return cluster_.run_until(holds); }
  // By another; how many heard it.
  std::string say(const std::string& channel, const std::string& bytes) {
    return redis().ask({"PUBLISH", channel, bytes});
  }
  std::string said(const std::string& channel, const NodeBroadcast& broadcast) {
    return say(channel, node_bytes(broadcast).value_or(""));
  }
  net::Loop& loop() { return cluster_.loop; }
  net::RedisForTests& redis() { return cluster_.redis; }
  RedisClusterForTests cluster_;
};

TEST_F(NodePeersTest, hears_broadcasts_of_its_namespaces_and_not_its_own) {
  const auto peer = join({.key = "k*", .spaces = {"/", "/chat"}});
  const auto other = join({.key = "k*", .hears_kin = false});
  EXPECT_EQ(said("kX#/#", {.uid = "n", .json = R"(["no"])"}), "0");
  EXPECT_EQ(said("k*#/other#", {.uid = "n", .space = "/other", .json = R"(["no"])"}), "0");
  EXPECT_EQ(said("k*#/#", {.uid = "n", .space = "/other", .json = R"(["no"])"}), "2");
  EXPECT_EQ(say("k*#/#", "\xc1"), "2");  // it counts that
  EXPECT_EQ(said("k*#/chat#", {.uid = "n", .space = "/chat", .json = R"(["chat"])"}), "1");
  EXPECT_TRUE(peer->peers.publish({.to = {{"r"}, {}}, .json = R"(["kin"])"}));
  EXPECT_TRUE(other->peers.publish({.to = {{"r"}, {}}, .json = R"(["kin, too"])"}));
  EXPECT_FALSE(peer->peers.publish({.json = "[1]"}));
  EXPECT_TRUE(until([&] { return peer->heard.contains("kin, too"); }));
  EXPECT_EQ(said("k*#/#r#", {.uid = "n", .json = R"(["end"])"}), "2");
  EXPECT_TRUE(until([&] { return peer->heard.contains("end") && other->heard.contains("end"); }));
  EXPECT_EQ(peer->heard, "[\"chat\"]\n[\"kin, too\"]\n[\"end\"]\n");
  EXPECT_EQ(other->heard, "[\"end\"]\n");
  EXPECT_EQ(peer->peers.dropped(), 2U);
  EXPECT_EQ(other->peers.dropped(), 1U);
}

TEST_F(NodePeersTest, obeys_requests_and_answers_questions) {
  const auto peer = join({.spaces = {"/", "/chat"}});
  const std::string request = R"({"type":4,"opts":{"rooms":["r"],"except":[]},"close":true})";
  EXPECT_EQ(say("socket.io-request#/chat#", request), "1");
  EXPECT_TRUE(until([&] { return !peer->obeyed.empty(); }));
  EXPECT_EQ(peer->obeyed, "/chat" + request + "\n");

  std::vector<std::string> answers;
  std::size_t confirmed = 0;
  net::RedisLink asker(loop(), *net::numeric_address("127.0.0.1", redis().address().port), {},
                       {.answered = [] {}, .lost = [](std::string) {}});
  const std::string responses[] = {"socket.io-response#/#"};
  asker.subscribe(responses, [&](const redisReply& reply) {
    if (std::string_view(reply.element[0]->str) == "subscribe") return void(++confirmed);
    answers.emplace_back(reply.element[2]->str, reply.element[2]->len);
  });
  EXPECT_TRUE(until([&] { return confirmed == 1; }));
  for (const auto* question :
       {R"({"uid":"n","requestId":"1","type":1})", "not JSON",
        R"({"uid":"n","requestId":"2","type":5,"opts":{"rooms":[],"except":[]}})",
        R"({"uid":"n","type":6,"data":["no answer is wanted"]})",
        R"({"uid":"n","requestId":"3","type":6,"data":["x"]})"})
    EXPECT_EQ(say("socket.io-request#/#", question), "1");
  EXPECT_TRUE(until([&] { return answers.size() == 3; }));
  if (answers.size() == 3) {
    EXPECT_EQ(answers[0], R"({"requestId":"1","rooms":["a"]})");
    EXPECT_TRUE(answers[1].starts_with(R"({"requestId":"2","sockets":[{"id":"/",)")) << answers[1];
    EXPECT_EQ(answers[2], R"({"type":6,"requestId":"3","data":null})");
  }
  EXPECT_EQ(peer->peers.dropped(), 1U);
}

TEST_F(NodePeersTest, a_redis_that_ends_and_comes_back_is_joined_again) {
  const auto peer = join({.waiting_bytes = 2'000});
  const auto other = join();
  redis().end();
  EXPECT_TRUE(until([&] { return !peer->peers.is_joined() && !other->peers.is_joined(); }));
  EXPECT_TRUE(peer->peers.trouble().has_value());
  EXPECT_TRUE(peer->peers.publish({.json = R"(["waits"])"}));
  EXPECT_FALSE(peer->peers.publish({.json = "[\"x\",\"" + std::string(2'000, 'x') + "\"]"}));
  redis().start();
  EXPECT_TRUE(until([&] { return peer->peers.is_joined() && other->peers.is_joined(); }));
  EXPECT_FALSE(peer->peers.trouble().has_value());
  // What waited may have come before the other was there again.
  EXPECT_TRUE(peer->peers.publish({.json = R"(["again"])"}));
  EXPECT_TRUE(until([&] { return other->heard.contains("again"); }));
}

TEST_F(NodePeersTest, a_redis_that_does_not_answer_is_given_up) {
  const auto peer = join({.patience = {.ask_every = 20ms, .answer_within = 200ms}});
  redis().freeze();
  EXPECT_TRUE(until([&] { return !peer->peers.is_joined(); }));
  redis().thaw();
  EXPECT_TRUE(until([&] { return peer->peers.is_joined(); }));
}

TEST_F(NodePeersTest, may_end_at_any_time) {
  const auto peer = join();
  EXPECT_TRUE(peer->peers.publish({.json = R"(["x"])"}));
  {
    const auto dialling =
        std::make_unique<Peer>(loop(), NodePeersSettings{.address = redis().address()});
  }
  redis().end();
  const auto away = std::make_unique<Peer>(loop(), NodePeersSettings{.address = redis().address()});
  EXPECT_TRUE(until([&] { return away->peers.trouble().has_value(); }));
}

}  // namespace
}  // namespace utakata::realtime
