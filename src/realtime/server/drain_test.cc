#include "realtime/server/drain.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

TEST(Drain, asks_at_its_pace_whatever_the_turns_are_and_stops_at_most) {
  Drain drain;
  Instant now{Duration{1000s}};
  EXPECT_FALSE(drain.refuses());
  EXPECT_EQ(drain.due(now), 0);
  drain.take({.pace = 2.5, .most = 6}, now);
  EXPECT_TRUE(drain.refuses());
  std::int64_t all = 0;
  for (int k = 0; k < 20; ++k) all += drain.due(now += 100ms);
  EXPECT_EQ(all, 5) << "2.5 a second for 2 s";
  EXPECT_FALSE(drain.is_over());
  EXPECT_EQ(drain.due(now + 60s), 1) << "6 at most";
  EXPECT_TRUE(drain.is_over());
  drain.take({.is_draining = false}, now);
  EXPECT_FALSE(drain.refuses());
  EXPECT_EQ(drain.due(now + 60s), 0);
}

TEST(Drain, an_order_is_read_as_controllers_send_it) {
  const auto order =
      read_drain_order(R"({"state":"draining","deadline_ms":null,)"
                       R"("close":{"pace":50,"most":null,"ask":"http://x/y","reconnects":true}})");
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->is_draining);
  EXPECT_EQ(order->pace, 50);
  EXPECT_FALSE(order->most);
  const auto shed = read_drain_order(R"({"state":"serving","close":{"pace":0.5,"most":3}})");
  ASSERT_TRUE(shed);
  EXPECT_FALSE(shed->is_draining);
  EXPECT_EQ(shed->most, 3);
  for (const char* wrong :
       {"", "[]", "{}", R"({"state":"gone"})", R"({"state":"draining","close":{"pace":-1}})",
        R"({"state":"draining","close":{"pace":1,"most":-1}})",
        R"({"state":"draining","close":{}})"})
    EXPECT_FALSE(read_drain_order(wrong)) << wrong;
}

}  // namespace
}  // namespace utakata::realtime
