#include "load/report/figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace utakata::load {
namespace {

TEST(Figures, numbers_have_separators_or_three_digits) {
  const std::pair<double, const char*> rows[] = {{0, "0"},
                                                 {1, "1"},
                                                 {999, "999"},
                                                 {1000, "1,000"},
                                                 {-1234567, "-1,234,567"},
                                                 {12.34, "12.3"},
                                                 {0.001234, "0.00123"},
                                                 {999.7, "1,000"},
                                                 {1234.4, "1,234"},
                                                 {-5, "-5"},
                                                 {1e30, "1e+30"},
                                                 {std::numeric_limits<double>::infinity(), "-"}};
  for (const auto& [number, words] : rows) EXPECT_EQ(number_words(number), words) << number;
}

TEST(Figures, times_come_in_the_unit_that_is_shortest) {
  const std::pair<double, const char*> rows[] = {
      {0, "0"},         {0.5, "0.5 us"},        {812, "812 us"},
      {999.7, "1 ms"},  {1234, "1.23 ms"},      {123'456, "123 ms"},
      {999'900, "1 s"}, {12'345'678, "12.3 s"}, {3'600e6, "3,600 s"}};
  for (const auto& [us, words] : rows) EXPECT_EQ(time_words(us), words) << us;
  EXPECT_EQ(bytes_words(999), "999 B");
  EXPECT_EQ(bytes_words(1'234'567), "1.23 MB");
  EXPECT_EQ(per_second_words(12'345.6), "12,346/s");
}

TEST(Figures, nearly_all_is_never_all_and_next_to_nothing_is_not_nothing) {
  const std::pair<double, const char*> rows[] = {{0, "0 %"},
                                                 {1, "100 %"},
                                                 {0.5, "50 %"},
                                                 {0.9987, "99.87 %"},
                                                 {1 - 1e-6, "99.9999 %"},
                                                 {1e-6, "0.0001 %"},
                                                 {1e-12, "under 0.000001 %"},
                                                 {1 - 1e-12, "over 99.999999 %"},
                                                 {std::nan(""), "-"}};
  for (const auto& [share, words] : rows) EXPECT_EQ(share_words(share), words) << share;
}

TEST(Figures, durations_are_as_exact_as_they_are_long) {
  EXPECT_EQ(duration_words(850ms), "850 ms");
  EXPECT_EQ(duration_words(12'345ms), "12.3 s");
  EXPECT_EQ(duration_words(59'990ms), "1 min");
  EXPECT_EQ(duration_words(332s), "5 min 32 s");
  EXPECT_EQ(duration_words(3h + 5min + 9s), "3 h 5 min");
  EXPECT_EQ(clock_words(65s), "1:05");
  EXPECT_EQ(clock_words(3'665s), "1:01:05");
}

}  // namespace
}  // namespace utakata::load
