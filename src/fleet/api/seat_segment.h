// How the seat journal's bytes lie in a segment. Private to seat_journal.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "fleet/plan/place_secret.h"

namespace utakata::seats {

inline constexpr std::uint64_t kMagic = 0x316c6e726a746573;  // "setjrnl1"

struct SegmentHead {
  std::uint64_t magic = 0;     // 0: free
  std::uint64_t sequence = 0;  // rises from segment to segment
  std::uint64_t boot = 0;      // hash of the boot's id: times mean nothing on another one
  PlaceSecret secret;
  std::int64_t lost_until = 0;  // nanoseconds; holds not recorded last until then
  std::uint64_t check = 0;      // of the fields before but lost_until
};
static_assert(sizeof(SegmentHead) == 56);
inline constexpr std::uint32_t kHeadBytes = 64;

enum class Kind : std::uint8_t {
  cluster = 1,
  instance,
  granted,
  ended,
  arrived,
  key_bound,
  key_ended,
  snapshot
};

struct RecordHead {
  std::uint32_t check = 0;  // stored last
  std::uint16_t words = 0;  // of the whole record, 8 bytes each
  Kind kind{};
  std::uint8_t cluster = 0;
};
static_assert(sizeof(RecordHead) == 8);

constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 32;
}

// Over everything of a record but the check itself; the sequence and the offset keep an old record
// at the same place, left by a former use of the segment, from being taken for a new one.
inline std::uint32_t record_check(std::uint64_t sequence, std::uint32_t offset,
                                  const RecordHead& head, const char* payload) {
  std::uint64_t hash = mix(sequence, offset);
  hash = mix(hash, std::uint64_t{head.words} << 16 | std::uint64_t(head.kind) << 8 | head.cluster);
  for (int i = 1; i < head.words; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload + 8 * (i - 1), 8);
    hash = mix(hash, word);
  }
  return std::uint32_t(hash) | 1;  // never 0, which is what lies where nothing was written
}

inline std::uint64_t head_check(const SegmentHead& head) {
  return mix(mix(mix(mix(mix(1, head.magic), head.sequence), head.boot), head.secret.low),
             head.secret.high);
}

struct GrantedPayload {
  std::uint64_t number = 0;
  std::int64_t granted = 0, expires = 0;
  std::uint32_t instance = 0, room = 0, seats = 0, flags = 0;  // 1: stranger, 2: arrived, 4: retold
};
struct RoomPayload {  // the key's bytes follow
  std::uint32_t number = 0, instance = 0, total = 0, reserved = 0;
  std::int64_t reserved_until = 0;
  std::uint32_t flags = 0, text_bytes = 0;  // 1: stranger, 2: maybe live
};
struct TextPayload {  // of a cluster or an instance; its name's bytes follow
  std::uint32_t number = 0, text_bytes = 0;
};

}  // namespace utakata::seats
