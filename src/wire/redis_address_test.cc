#include "wire/redis_address.h"

#include <gtest/gtest.h>

namespace utakata::wire {
namespace {

TEST(RedisAddress, what_is_left_out_is_as_redis_has_it) {
  EXPECT_EQ(redis_address("redis://cache"), (RedisAddress{.host = "cache"}));
  EXPECT_EQ(redis_address("redis://cache/"), (RedisAddress{.host = "cache"}));
  EXPECT_EQ(redis_address("redis://10.0.0.7:7000/3"),
            (RedisAddress{.host = "10.0.0.7", .port = 7000, .database = 3}));
  EXPECT_EQ(redis_address("redis://[::1]:7000"), (RedisAddress{.host = "::1", .port = 7000}));
}

TEST(RedisAddress, names_and_passwords_may_have_any_letters) {
  EXPECT_EQ(redis_address("redis://ann:p%40ss%2f:w@cache:7000"),
            (RedisAddress{.host = "cache", .port = 7000, .user = "ann", .password = "p@ss/:w"}));
  EXPECT_EQ(redis_address("redis://:pass@cache"),
            (RedisAddress{.host = "cache", .password = "pass"}));
  EXPECT_EQ(redis_address("redis://:a@b@cache"),
            (RedisAddress{.host = "cache", .password = "a@b"}));
}

TEST(RedisAddress, what_is_none_is_said_without_the_password) {
  for (const auto* text : {"",
                           "redis:",
                           "cache:6379",
                           "http://cache",
                           "rediss://cache",
                           "redis://",
                           "redis://:6379",
                           "redis://cache:",
                           "redis://cache:0",
                           "redis://cache:65536",
                           "redis://cache:7x",
                           "redis://cache/x",
                           "redis://cache/-1",
                           "redis://cache/0/1",
                           "redis://hush@cache",
                           "redis://ann:@cache",
                           "redis://ann:hush%4@cache",
                           "redis://ann:hush%zz@cache",
                           "redis://ann:hush@",
                           "redis://[::1",
                           "redis://[::1]7000",
                           "redis://a b",
                           "redis://a?b"}) {
    const auto address = redis_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind, Problem::Kind::invalid);
    EXPECT_EQ(address.error().what.find("hush"), std::string::npos) << address.error().what;
  }
}

}  // namespace
}  // namespace utakata::wire
