#include "fleet/probe/fake.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

TEST(FakeProbe, scripted_answers_come_back_in_the_targets_order_and_a_failed_look_misses_all) {
  FakeClock clock;
  FakeProbe probe(clock);
  probe.answers({"game-2"}, 7);
  std::vector<Sight> seen;
  const auto keep = [&](std::vector<Sight> sights) { seen = std::move(sights); };
  const std::vector<ProbeTarget> targets = {
      {.id = {"game-1"}, .handle = "", .address = {}, .starting = true},
      {.id = {"game-2"}, .handle = "", .address = {}, .suspect = true}};
  probe.look(targets, 800ms, keep);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(seen[0].answered);
  EXPECT_EQ(seen[0].problem, "no answer within 800ms");
  EXPECT_TRUE(seen[1].answered);
  EXPECT_EQ(seen[1].count, (Count{7, clock.now()}));
  probe.fail_at(1);
  probe.hold(true);
  seen.clear();
  probe.look(targets, 800ms, keep);
  EXPECT_TRUE(seen.empty());
  EXPECT_TRUE(probe.is_waiting());
  probe.release();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(seen[1].answered);
  EXPECT_EQ(probe.calls().back(), "look game-1(starting) game-2(suspect)");
}

}  // namespace
}  // namespace utakata
