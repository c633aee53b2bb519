// The view in a real Redis, and in sockets that misbehave.
#include "fleet/publish/redis/redis_view.h"

#include <gtest/gtest.h>

#include "net/redis/redis_for_tests.h"
#include "net/run_until.h"
#include "net/tcp.h"

namespace utakata {
namespace {

std::vector<PublishedCluster> game(double load, const std::string& url = "ws://a:1") {
  return {{.cluster = "game",
           .lines = {{.identity = placeable_identity("game-1", url),
                      .open = true,
                      .free = 1,
                      .is_free_known = true,
                      .load = load}}}};
}

const std::vector<std::string> score{"ZSCORE", "utakata:show:game", "ws://a:1"};

class RedisViewTest : public testing::Test {
 protected:
  RedisViewSettings at(const wire::RedisAddress& address) {
    return {.address = address, .stack = "show", .answer_within = 300ms, .retry_most = 200ms};
  }
  std::function<void(const std::string&)> say() {
    return [this](const std::string& what) { said.push_back(what); };
  }
  bool run_until(const std::function<bool()>& holds) { return net::run_until(loop, holds); }

  net::Loop loop;
  std::vector<std::string> said;
};

TEST_F(RedisViewTest, the_newest_stands_there_whole_and_expires) {
  net::RedisForTests redis("secret");
  RedisView view(loop, at(redis.address()), say());
  for (int i = 0; i <= 100; ++i) view.publish(game(i));
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "100"; }));
  const auto left = std::stoi(redis.ask({"PTTL", "utakata:show:game"}));
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 5000);
  view.publish(game(1, "ws://b:1"));
  EXPECT_TRUE(run_until([&] { return redis.ask(score).empty(); }));
  EXPECT_EQ(redis.ask({"ZRANGE", "utakata:show:game", "0", "-1"}), "1");
  view.publish({{.cluster = "game"}});
  EXPECT_TRUE(run_until([&] { return redis.ask({"EXISTS", "utakata:show:game"}) == "0"; }));
  EXPECT_TRUE(said.empty());
}

TEST_F(RedisViewTest, the_next_owner_leaves_members_there_that_it_has_not_counted_yet) {
  net::RedisForTests redis;
  RedisView former(loop, at(redis.address()), say());
  auto both = game(7);
  both[0].lines.push_back(both[0].lines[0]);
  both[0].lines[1].identity = placeable_identity("game-2", "ws://b:1");
  former.publish(both);
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "7"; }));
  RedisView next(loop, at(redis.address()), say());
  auto uncounted = game(1);
  uncounted[0].lines[0].is_free_known = false;
  next.publish(uncounted);
  const std::vector<std::string> other{"ZSCORE", "utakata:show:game", "ws://b:1"};
  EXPECT_TRUE(run_until([&] { return redis.ask(other).empty(); }));
  EXPECT_EQ(redis.ask(score), "7");
  EXPECT_EQ(redis.ask({"EXISTS", "utakata:show:game:kept"}), "0");
  next.publish(game(2));
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "2"; }));
  EXPECT_TRUE(said.empty());
}

TEST_F(RedisViewTest, a_redis_that_dies_is_said_once_and_written_again_by_itself_when_it_is_back) {
  net::RedisForTests redis;
  RedisView view(loop, at(redis.address()), say());
  view.publish(game(1));
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "1"; }));
  redis.end();
  view.publish(game(2));
  EXPECT_TRUE(run_until([&] { return said.size() == 1; }));
  const auto later = loop.now() + 1s;  // five attempts
  EXPECT_TRUE(run_until([&] { return loop.now() > later; }));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("cannot be written: "), std::string::npos) << said[0];
  redis.start();
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "2"; }));
  EXPECT_TRUE(run_until([&] { return said.size() == 2; }));
  EXPECT_NE(said.back().find("is written again"), std::string::npos) << said.back();
}

TEST_F(RedisViewTest, a_frozen_redis_gets_the_newest_when_it_thaws) {
  net::RedisForTests redis;
  RedisView view(loop, at(redis.address()), say());
  view.publish(game(1));
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "1"; }));
  redis.freeze();
  for (int i = 0; i < 1000; ++i) view.publish(game(i));
  EXPECT_TRUE(run_until([&] { return said.size() == 1; }));
  EXPECT_NE(said[0].find("it does not answer"), std::string::npos) << said[0];
  view.publish(game(7));
  redis.thaw();
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "7" && said.size() == 2; }));
}

TEST_F(RedisViewTest, what_redis_refuses_is_said_once_in_its_words) {
  net::RedisForTests redis;
  RedisView view(loop, at(redis.address()), say());
  redis.ask({"CONFIG", "SET", "maxmemory", "1"});
  view.publish(game(1));
  EXPECT_TRUE(run_until([&] { return said.size() == 1; }));
  EXPECT_NE(said[0].find("OOM"), std::string::npos) << said[0];
  redis.ask({"CONFIG", "SET", "maxmemory", "0"});
  view.publish(game(3));
  EXPECT_TRUE(run_until([&] { return redis.ask(score) == "3" && said.size() == 2; }));
}

TEST_F(RedisViewTest, a_wrong_password_is_said_once_and_is_not_in_what_is_said) {
  net::RedisForTests redis("secret");
  auto address = redis.address();
  address.password = "hunter2";
  RedisView view(loop, at(address), say());
  view.publish(game(1));
  EXPECT_TRUE(run_until([&] { return said.size() == 1; }));
  EXPECT_NE(said[0].find("AUTH was refused"), std::string::npos) << said[0];
  EXPECT_EQ(said[0].find("hunter2"), std::string::npos) << said[0];
}

// What answers is no Redis, or closes at once, or says nothing.
TEST_F(RedisViewTest, sockets_that_misbehave_are_tried_again_and_said_once) {
  for (const std::string_view answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", "$-7\r\n", "", "+"}) {
    said.clear();
    std::vector<net::Descriptor> sockets;
    const auto listener = net::TcpListener::open(
        loop, "127.0.0.1", 0, {.accepted = [&](net::Descriptor socket, const net::TcpPeer&) {
          net::tcp_send(socket.get(), answer);
          if (!answer.empty()) sockets.push_back(std::move(socket));
        }});
    ASSERT_TRUE(listener);
    RedisView view(loop, at({.port = (*listener)->port()}), say());
    view.publish(game(1));
    EXPECT_TRUE(run_until([&] { return answer.empty() || sockets.size() >= 3; })) << answer;
    EXPECT_TRUE(run_until([&] { return said.size() == 1; })) << answer;
  }
}

TEST_F(RedisViewTest, a_name_that_nobody_has_is_said_once) {
  RedisView view(loop, at({.host = std::string(64, 'x')}), say());
  view.publish(game(1));
  EXPECT_TRUE(run_until([&] { return said.size() == 1; }));
}

}  // namespace
}  // namespace utakata
