// The table of rooms, found by key. It grows by one bucket a room (linear hashing: W. Litwin,
// 1980), so that no caller ever waits for a rehash of millions.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "fleet/plan/place_secret.h"
#include "fleet/plan/place_slot.h"

namespace utakata {

class RoomTable {
 public:
  explicit RoomTable(PlaceSecret secret) : secret_(secret), heads_(1, kNone) {}

  PlaceRoom& operator[](std::uint32_t index) { return rooms_[index]; }
  const PlaceRoom& operator[](std::uint32_t index) const { return rooms_[index]; }
  std::uint32_t size() const { return std::uint32_t(rooms_.size()); }  // free entries included
  std::uint32_t find(std::string_view key) const;                      // kNone: none
  std::uint32_t make(std::string_view key);                            // which has none yet
  void free(std::uint32_t index);

 private:
  std::size_t bucket_of(std::uint64_t hash) const;
  void split();

  PlaceSecret secret_;
  std::deque<PlaceRoom> rooms_;
  std::vector<std::uint32_t> free_;
  std::deque<std::uint32_t> heads_;  // of the buckets, each a list
};

}  // namespace utakata
