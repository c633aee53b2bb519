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

TEST(Nearest, is_asked_or_nothing_is) {
  const std::string_view known[] = {"instances", "install", "env"};
  EXPECT_EQ(did_you_mean("instnces", known), ", did you mean `instances`?");
  EXPECT_EQ(did_you_mean("banana", known), "");
}

TEST(InTicks, foreign_text_is_short_and_harmless) {
  EXPECT_EQ(in_ticks("a b"), "`a b`");
  EXPECT_EQ(in_ticks("a\nb\x1b[2J\x7f"), "`a b [2J `");
  EXPECT_EQ(in_ticks(std::string(60, 'x')), "`" + std::string(60, 'x') + "`");
  EXPECT_EQ(in_ticks(std::string(61, 'x')), "`" + std::string(57, 'x') + "...`");
  EXPECT_EQ(in_ticks(std::string(56, 'x') + "ééé"), "`" + std::string(56, 'x') + "...`")
      << "not within a letter";
}

TEST(WallTimes, are_rfc3339) {
  EXPECT_EQ(to_text(WallTime{std::chrono::milliseconds{1'767'225'600'120}}),
            "2026-01-01T00:00:00.120Z");
}

}  // namespace utakata
