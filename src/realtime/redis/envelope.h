// What goes over a Redis channel and into a Redis stream, one word a message. All numbers are big
// endian, all texts have their length before them:
//
//   "utk1" | process u64 | number u64 | age_ms u64      front: the sender's own
//   offset u64 | serial u64 | epoch                     place: given by the script, in Redis
//   tenant | channel | body                             back
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace utakata::realtime {

struct RedisEnvelope {
  std::uint64_t process = 0;  // at random: who sent it
  std::uint64_t number = 0;   // of all that it sends, from 1; sent again, it is the same
  std::uint64_t age_ms = 0;   // how long it is kept, from now on
  std::uint64_t offset = 0;   // 0: it is not kept; then there is no serial and no epoch
  std::uint64_t serial = 0;
  std::string_view epoch{}, tenant{}, channel{}, body{};
  bool is_kept() const { return offset != 0; }
  bool operator==(const RedisEnvelope&) const = default;
};

inline constexpr std::size_t redis_epoch_bytes_max = 64;

std::string redis_envelope_front(const RedisEnvelope& envelope);
std::string redis_envelope_place(const RedisEnvelope& envelope);
std::string redis_envelope_back(const RedisEnvelope& envelope);
std::string redis_envelope_bytes(const RedisEnvelope& envelope);  // the three of them

// Views are into `bytes`. `invalid`: they are not an envelope to the last byte.
Expected<RedisEnvelope> redis_envelope(std::string_view bytes);

}  // namespace utakata::realtime
