// The table of seats held. A placement's number says where it lies, so nothing is looked up; memory
// is one 64-byte entry a hold, in chunks that never move. A wheel of 134 ms buckets finds what is
// due: amortised O(1).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/instant.h"
#include "fleet/plan/place_order.h"

namespace utakata {

struct Hold {
  enum class Kind : std::uint8_t {
    pending,  // its client has not arrived yet
    arrived,  // of a key only: the client is counted, its seat in the room is taken
    reserve   // the undrawn seats of a room
  };
  Instant granted{}, expires{};
  std::uint32_t serial = 0;  // 0: the entry is free
  std::uint32_t slot = 0;    // its instance
  std::uint32_t room = kNone;
  std::uint32_t seats = 0;
  std::uint32_t older = kNone, newer = kNone;           // pending ones of the same instance, by age
  std::uint32_t due_before = kNone, due_after = kNone;  // in its bucket of the wheel
  std::uint32_t draw_before = kNone, draw_after = kNone;  // of the same room
  std::uint16_t arrived = 0,
                confirmed = 0;  // of the seats: clients that are there, that showed the ticket
  std::uint16_t bucket = kUnscheduled;  // of the wheel
  Kind kind = Kind::pending;
  bool stranger = false;
  static constexpr std::uint16_t kUnscheduled = 0xffff;
};

class HoldTable {
 public:
  // `first`: at random, so that no number is given here that another life gives, or gave, which is
  // not known here: whoever has that one would end somebody else's hold with it.
  explicit HoldTable(std::uint32_t first) : first_(first), serial_(first) {}

  Hold& operator[](std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const Hold& operator[](std::uint32_t index) const {
    return chunks_[index / kChunk][index % kChunk];
  }
  std::uint32_t make();                // an entry with a fresh serial
  bool make_at(std::uint64_t number);  // of a replay; false: taken, or not a number of ours
  std::uint32_t occupant(
      std::uint64_t number) const;  // of a replay: whoever lies where this number would; or kNone
  void finish_replay();             // before the next make()
  void free(std::uint32_t index);   // unscheduled first
  std::uint32_t find(std::uint64_t number) const;  // kNone: it has ended
  std::uint64_t number(std::uint32_t index) const {
    return std::uint64_t{index} << 32 | (*this)[index].serial;
  }
  std::uint32_t size() const { return size_; }  // entries, free ones included

  void schedule(std::uint32_t index, Instant now);  // by its `expires`
  void unschedule(std::uint32_t index);
  // The next one with `expires` <= now, unscheduled; kNone: no more. An entry is found at most 134
  // ms late, never early.
  std::uint32_t next_due(Instant now);

 private:
  static constexpr std::uint32_t kChunk = 16384;
  static constexpr std::uint32_t kEntriesMax = 1u << 28;
  static constexpr std::int64_t kBuckets = 1024;
  static std::int64_t tick_of(Instant at) { return at.time_since_epoch().count() >> 27; }
  static std::uint16_t bucket_of(std::int64_t tick) { return std::uint16_t(tick % kBuckets); }
  std::uint32_t take_head(std::uint16_t bucket);
  void start(Instant now);
  void grow(std::uint32_t size);

  std::vector<std::unique_ptr<Hold[]>> chunks_;
  std::uint32_t size_ = 0, free_head_ = kNone;
  const std::uint32_t first_;
  std::uint32_t serial_;  // the last one given
  std::array<std::uint32_t, kBuckets> wheel_{};
  std::int64_t tick_ = -1;  // buckets before it are empty
  std::uint64_t scheduled_ = 0;
};

}  // namespace utakata
