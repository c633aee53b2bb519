#include "fleet/plan/place_room_table.h"

#include <bit>
#include <utility>

namespace utakata {

// Buckets beyond the last power of two have been split from those before it.
std::size_t RoomTable::bucket_of(std::uint64_t hash) const {
  const std::size_t whole = std::bit_floor(heads_.size());
  const std::size_t bucket = hash & (2 * whole - 1);
  return bucket < heads_.size() ? bucket : bucket - whole;
}

void RoomTable::split() {
  const std::size_t fresh = heads_.size(), whole = std::bit_floor(fresh);
  std::uint32_t rest = std::exchange(heads_[fresh - whole], kNone);
  heads_.push_back(kNone);
  while (rest != kNone) {
    PlaceRoom& room = rooms_[rest];
    std::uint32_t& head = heads_[room.hash & whole ? fresh : fresh - whole];
    const std::uint32_t next = std::exchange(room.hash_next, head);
    head = std::exchange(rest, next);
  }
}

std::uint32_t RoomTable::find(std::string_view key) const {
  const std::uint64_t hash = siphash(secret_, key);
  std::uint32_t index = heads_[bucket_of(hash)];
  while (index != kNone && (rooms_[index].hash != hash || rooms_[index].key != key))
    index = rooms_[index].hash_next;
  return index;
}

std::uint32_t RoomTable::make(std::string_view key) {
  std::uint32_t index = size();
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    rooms_.emplace_back();
    if (heads_.size() < rooms_.size()) split();
  }
  PlaceRoom& room = rooms_[index];
  room.key = key;
  room.hash = siphash(secret_, key);
  std::uint32_t& head = heads_[bucket_of(room.hash)];
  room.hash_next = std::exchange(head, index);
  return index;
}

void RoomTable::free(std::uint32_t index) {
  std::uint32_t* at = &heads_[bucket_of(rooms_[index].hash)];
  while (*at != index) at = &rooms_[*at].hash_next;
  *at = rooms_[index].hash_next;
  rooms_[index] = {};
  free_.push_back(index);
}

}  // namespace utakata
