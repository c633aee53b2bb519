#include "fleet/plan/place_room_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace utakata {
namespace {

// Beside a map of the standard library, across many sizes of the table.
TEST(RoomTable, finds_what_a_map_finds) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  RoomTable table({.low = 1, .high = 2});
  std::map<std::string, std::uint32_t> known;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = fmt::format("room-{}", random() % 3000);
    const auto found = known.find(key);
    ASSERT_EQ(table.find(key), found == known.end() ? kNone : found->second) << key;
    if (found == known.end()) {
      known[key] = table.make(key);
    } else if (random() % 3 == 0) {
      table.free(found->second);
      known.erase(found);
    }
  }
  EXPECT_LE(table.size(), 3000u) << "free entries are used again";
  for (const auto& [key, room] : known) EXPECT_EQ(table[room].key, key);
}

}  // namespace
}  // namespace utakata
