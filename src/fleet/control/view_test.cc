// What the placing side is told.
#include "fleet/control/view.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

// It may have served before a crash that came before its readiness was recorded.
TEST(View, what_starts_keeps_its_seats_and_keys_and_gets_nobody) {
  Fleet fleet;
  fleet.spec.name = "game";
  fleet.instances.emplace_back().id = {"game-1"};
  fleet.instances.emplace_back().id = {"game-2"};
  fleet.instances[0].address = {"127.0.0.1", 20000};
  const PlacementView view = placement_view(fleet, false, Instant{1h}, nullptr);
  ASSERT_EQ(view.instances.size(), 1u) << "game-2 has no address yet";
  EXPECT_EQ(view.instances[0].identity->id.text, "game-1");
  EXPECT_FALSE(view.instances[0].open || view.instances[0].honours_keys);
}

}  // namespace
}  // namespace utakata
