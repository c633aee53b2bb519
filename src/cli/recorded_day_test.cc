#include "cli/recorded_day.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace utakata {
namespace {

TEST(Since, is_so_long_ago_a_day_or_a_moment) {
  const WallTime now = *since_from("2026-11-22T14:00:00Z", {});
  EXPECT_EQ(to_text(now), "2026-11-22T14:00:00.000Z");
  EXPECT_EQ(to_text(*since_from("24h", now)), "2026-11-21T14:00:00.000Z");
  EXPECT_EQ(to_text(*since_from("1h30m", now)), "2026-11-22T12:30:00.000Z");
  EXPECT_EQ(to_text(*since_from("2026-11-21T00:00Z", now)), "2026-11-21T00:00:00.000Z");
  const WallTime yesterday = *since_from("yesterday", now);
  EXPECT_GT(now - yesterday, 24h - 14h);
  EXPECT_LT(now - yesterday, 72h);
  for (const char* odd : {"", "tomorrow", "0s", "-1h", "2026-11-31T00:00Z", "2026-11-21T24:00Z",
                          "2026-11-21", "2026-11-21T00:00:00", "2026-11-21X00:00Z"})
    EXPECT_FALSE(since_from(odd, now)) << odd;
}

}  // namespace
}  // namespace utakata
