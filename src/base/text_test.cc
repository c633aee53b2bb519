#include "base/text.h"

#include <gtest/gtest.h>

namespace utakata {

TEST(Durations, read_back_as_they_are_written) {
  for (const auto text : {"500ms", "3s", "10m", "1h", "2d", "1h30m", "1m30s"}) {
    const auto d = duration_from(text);
    ASSERT_TRUE(d) << text;
    EXPECT_EQ(to_text(*d), text);
  }
  EXPECT_EQ(duration_from("1.5s"), Duration{1'500'000'000});
}

TEST(Durations, nonsense_is_refused) {
  for (const auto text : {"", "3", "s", "-3s", "3 s", "3x", "1e300d", "nan", "3s,"})
    EXPECT_FALSE(duration_from(text)) << text;
}

TEST(Sizes, are_powers_of_1024) {
  EXPECT_EQ(bytes_from("512M"), 512ll << 20);
  EXPECT_EQ(bytes_from("20000"), 20000);
  for (const auto text : {"", "M", "-1", "5X", "5MB", "9999999999G"})
    EXPECT_FALSE(bytes_from(text)) << text;
}

TEST(Nearest, forgives_two_slips_and_no_more) {
  const std::string_view known[] = {"instances", "install", "env"};
  EXPECT_EQ(nearest("instnces", known), "instances");
  EXPECT_EQ(nearest("banana", known), std::nullopt);
}

TEST(WallTimes, are_rfc3339) {
  EXPECT_EQ(to_text(WallTime{std::chrono::milliseconds{1'767'225'600'120}}),
            "2026-01-01T00:00:00.120Z");
}

}  // namespace utakata
