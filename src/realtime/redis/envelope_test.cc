#include "realtime/redis/envelope.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace utakata::realtime {
namespace {

RedisEnvelope kept() {
  return {.process = 0xfedcba9876543210,
          .number = 7,
          .age_ms = 300'000,
          .offset = 3,
          .serial = 12,
          .epoch = "e1",
          .tenant = "shop",
          .channel = "room-1",
          .body = std::string_view("\0\r\n\xff{}", 6)};
}

TEST(RedisEnvelope, what_is_sent_is_what_comes) {
  const auto bytes = redis_envelope_bytes(kept());
  EXPECT_EQ(redis_envelope(bytes), kept());
  const RedisEnvelope plain{.process = 1, .number = 1};  // for the processes themselves, no body
  const auto plain_bytes = redis_envelope_bytes(plain);
  EXPECT_EQ(redis_envelope(plain_bytes), plain);
}

// The script packs the place as struct.pack('>I8I8I4c0'): its bytes are written down here once.
TEST(RedisEnvelope, its_bytes_do_not_change_from_release_to_release) {
  const RedisEnvelope envelope{.process = 1,
                               .number = 2,
                               .age_ms = 258,
                               .offset = 4,
                               .serial = 5,
                               .epoch = "e",
                               .tenant = "t",
                               .channel = "ch",
                               .body = "b"};
  constexpr char bytes[] =
      "utk1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\1\2"
      "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5\0\0\0\1e"
      "\0\0\0\1t\0\0\0\2ch\0\0\0\1b";
  EXPECT_EQ(redis_envelope_bytes(envelope), std::string_view(bytes, sizeof bytes - 1));
}

TEST(RedisEnvelope, what_is_cut_or_has_more_is_none) {
  const auto bytes = redis_envelope_bytes(kept());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(redis_envelope(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_FALSE(redis_envelope(bytes + '\0'));
}

TEST(RedisEnvelope, half_a_place_is_none) {
  auto envelope = kept();
  envelope.epoch = "";
  EXPECT_FALSE(redis_envelope(redis_envelope_bytes(envelope)));
  envelope = kept();
  envelope.offset = 0;
  EXPECT_FALSE(redis_envelope(redis_envelope_bytes(envelope)));
  envelope.epoch = "";
  EXPECT_FALSE(redis_envelope(redis_envelope_bytes(envelope)));
  envelope = kept();
  envelope.number = 0;
  EXPECT_FALSE(redis_envelope(redis_envelope_bytes(envelope)));
  const std::string epoch(65, 'e');
  envelope = kept();
  envelope.epoch = epoch;
  EXPECT_FALSE(redis_envelope(redis_envelope_bytes(envelope)));
}

// Whatever is read of hostile bytes lies within them, and says the same when it is written again.
TEST(RedisEnvelope, hostile_bytes_are_refused_or_mean_themselves) {
  Random random(20261122);
  const auto good = redis_envelope_bytes(kept());
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (auto times = 1 + random.below(4); times > 0; --times)
      bytes[random.below(bytes.size())] = char(random.below(256));
    if (const auto envelope = redis_envelope(bytes)) {
      EXPECT_EQ(redis_envelope_bytes(*envelope), bytes);
    }
  }
}

}  // namespace
}  // namespace utakata::realtime
