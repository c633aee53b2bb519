#include "realtime/redis/names.h"

#include <gtest/gtest.h>

#include <set>

namespace utakata::realtime {
namespace {

TEST(RedisNames, no_two_channels_of_any_tenants_share_a_name) {
  const RedisNames names("u");
  std::set<std::string> all;
  std::size_t count = 0;
  const std::string_view odd[] = {"", "a", "}", "a}:words:a", "%", "%7D", ":", "{", "\n", "é", "*"};
  for (const auto tenant : odd) {
    for (const auto channel : odd) {
      all.insert(names.words(tenant, channel));
      all.insert(names.place(tenant, channel));
      count += 2;
    }
    all.insert(names.serial(tenant));
    all.insert(names.sent(tenant, 1));
    count += 2;
  }
  EXPECT_EQ(all.size(), count);
}

TEST(RedisNames, channel_names_stay_readable) {
  const RedisNames names("u");
  EXPECT_EQ(names.words("shop", "private-a_=@,.;#1"), "u:{shop}:words:private-a_=@,.;#1");
  EXPECT_EQ(names.words("a b", "x"), "u:{a%20b}:words:x");
}

TEST(RedisNames, from_the_words_one_finds_the_place_and_back) {
  for (const auto* prefix : {"u", "", "a}:words:b", "x:{y}"}) {
    const RedisNames names(prefix);
    EXPECT_EQ(names.place_of(names.words("a}b", "c:d")), names.place("a}b", "c:d"));
    EXPECT_EQ(names.words_of(names.place("a}b", "c:d")), names.words("a}b", "c:d"));
    EXPECT_FALSE(names.place_of(names.place("a", "b")));
    EXPECT_FALSE(names.words_of(names.words("a", "b")));
    EXPECT_FALSE(names.place_of("stranger"));
    EXPECT_FALSE(names.words_of("stranger"));
  }
}

// Processes of different releases must choose alike.
TEST(RedisNames, the_slot_of_a_channel_never_changes) {
  const RedisNames names("u");
  EXPECT_EQ(names.slot("shop", "room-1"), names.slot("shop", "room-1"));
  std::set<std::string> slots;
  for (int i = 0; i < 2'000; ++i) slots.insert(names.slot("shop", "room-" + std::to_string(i)));
  EXPECT_EQ(slots.size(), redis_slots);
  EXPECT_EQ(names.slot("", ""), "u:19");
  EXPECT_EQ(names.slot("shop", "room-1"), "u:33");
}

}  // namespace
}  // namespace utakata::realtime
