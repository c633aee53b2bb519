#include "realtime/redis/pair.h"

#include <gtest/gtest.h>

#include <array>

#include "realtime/redis/redis_for_tests.h"

namespace utakata::realtime {
namespace {

// No resolver is asked for it: between dots 63 letters are the most.
const std::string nobody(64, 'x');

struct Named {
  Named(net::Loop& loop, wire::RedisAddress address, const std::string& host)
      : pair(loop, {.address = at(std::move(address), host), .probe = "probe"},
             {.greet = [this] { return greet(); },
              .greeted = [this] { pair.join(); },
              .broken = [this](bool was_joined) { was_joined ? ++losses : ++failures; },
              .probe_refused = [](const redisReply&) {}}) {
    pair.start();
  }
  static wire::RedisAddress at(wire::RedisAddress address, const std::string& host) {
    address.host = host;
    return address;
  }
  std::size_t greet() {
    const std::array<std::string, 1> channels{"probe"};
    pair.hears().subscribe(channels, [this](const redisReply&) { pair.confirmed(); });
    ++greetings;
    return 1;
  }
  int greetings = 0, losses = 0, failures = 0;
  RedisPair pair;
};

TEST(RedisPair, a_redis_given_by_name_is_looked_up_at_each_attempt) {
  RedisClusterForTests cluster;
  Named named(cluster.loop, cluster.redis.address(), "localhost");
  EXPECT_TRUE(cluster.run_until([&] { return named.pair.is_joined(); }));
  EXPECT_FALSE(named.pair.trouble());
  cluster.redis.end();
  EXPECT_TRUE(cluster.run_until([&] { return named.losses == 1 && named.failures > 0; }));
  EXPECT_TRUE(named.pair.trouble());
  cluster.redis.start();
  EXPECT_TRUE(cluster.run_until([&] { return named.pair.is_joined(); }));
  EXPECT_FALSE(named.pair.trouble());
  EXPECT_EQ(named.greetings, 2 + named.failures);
}

TEST(RedisPair, a_name_that_nobody_has_is_trouble_and_asked_for_again) {
  RedisClusterForTests cluster;
  Named named(cluster.loop, {.port = 6379}, nobody);
  EXPECT_TRUE(cluster.run_until([&] { return named.failures == 3; }));
  EXPECT_EQ(named.greetings, 0);
  ASSERT_TRUE(named.pair.trouble());
  EXPECT_EQ(named.pair.trouble()->kind, Problem::Kind::unavailable);
  EXPECT_TRUE(named.pair.trouble()->retry);
  EXPECT_TRUE(named.pair.trouble()->what.starts_with("redis: " + nobody + ":6379: "))
      << named.pair.trouble()->what;
}

TEST(RedisPair, may_end_while_a_name_is_looked_up) {
  RedisClusterForTests cluster;
  for (const auto& host : {std::string("localhost"), nobody}) {
    auto named = std::make_unique<Named>(cluster.loop, cluster.redis.address(), host);
    cluster.loop.after(0ns, [&] {  // in the turn in which it dials
      EXPECT_EQ(named->pair.phase(), RedisPair::Phase::dialling);
      named.reset();
    });
    EXPECT_TRUE(cluster.run_until([&] { return !named; }));
    cluster.run_until([n = 0]() mutable { return n++ > 10; });
  }
}

}  // namespace
}  // namespace utakata::realtime
