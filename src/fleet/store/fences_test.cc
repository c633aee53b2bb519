#include "fleet/store/fences.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

Batch a_batch() {
  Batch batch;
  batch.activities.push_back({.cluster = "lobby", .instance = "lobby-1", .kind = "stop"});
  batch.activities.push_back({.cluster = "", .kind = "powers"});
  batch.instances.push_back({"game", {}});
  batch.clusters.push_back({.cluster = "lobby", .desired = {}, .next_number = 2});
  return batch;
}

TEST(Fences, each_cluster_of_a_batch_is_compared_once) {
  const auto fences = fences_of(a_batch(), [](std::string_view cluster) {
    return std::optional<std::int64_t>(cluster == "game" ? 7 : 9);
  });
  ASSERT_TRUE(fences);
  EXPECT_EQ(*fences, (std::vector<Fence>{{"game", 7}, {"lobby", 9}}));
}

TEST(Fences, a_batch_with_a_cluster_that_is_not_ours_is_refused) {
  const auto fences =
      fences_of(a_batch(), [](std::string_view cluster) -> std::optional<std::int64_t> {
        if (cluster == "game") return std::nullopt;
        return 9;
      });
  ASSERT_FALSE(fences);
  EXPECT_EQ(fences.error().kind, Problem::Kind::conflict);
}

TEST(Fences, nothing_is_compared_where_nobody_else_writes) {
  EXPECT_TRUE(fences_of(a_batch(), {})->empty());
}

}  // namespace
}  // namespace utakata
