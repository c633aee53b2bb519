#include "sim/report_rows.h"

#include <gtest/gtest.h>

#include "sim/sim_result_for_tests.h"

namespace utakata {
namespace {

std::string value_of(const SimCluster& cluster, std::string_view label, std::string_view currency) {
  for (const auto& row : report_rows(cluster, currency))
    if (row.label == label) return row.value;
  return "none";
}

TEST(ReportRows, have_a_cost_only_where_a_price_is_known) {
  const auto cluster = cluster_for_tests("lobby", 3h);
  EXPECT_EQ(value_of(cluster, "cost", "EUR"), "1.50 EUR");
  EXPECT_EQ(value_of(cluster, "cost", ""), "none");
}

TEST(ReportRows, tell_the_share_of_answers_that_were_refused) {
  struct Case {
    std::int64_t placements, refused;
    const char* text;
  };
  for (const auto& c : {Case{0, 0, "0"}, Case{100, 0, "0"}, Case{75, 25, "25 (25.0 %)"},
                        Case{0, 1'000, "1,000 (100.0 %)"}, Case{9'999, 1, "1 (under 0.1 %)"}})
    EXPECT_EQ(
        value_of({.placements = c.placements, .refused = c.refused}, "refused, of all answers", ""),
        c.text);
}

TEST(ReportRows, tell_the_run) {
  SimResult result = result_for_tests();
  EXPECT_EQ(report_run(result),
            "3h from 2026-12-31T20:00:00Z, seed 42, in 1.8 s (6,000 times real time)");
  result.took_seconds = 0;
  EXPECT_TRUE(report_run(result).ends_with("in 0.0 s")) << "nothing is divided by it";
}

TEST(ReportRows, write_numbers_and_times_for_people) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1'000), "1,000");
  EXPECT_EQ(thousands(-123'456), "-123,456");
  EXPECT_EQ(thousands(1'234'567), "1,234,567");
  EXPECT_EQ(clock_text(0s), "0:00");
  EXPECT_EQ(clock_text(62min + 59s), "1:02");
  EXPECT_EQ(clock_text(100h), "100:00");
  EXPECT_EQ(clock_text(-5min), "0:00");
  EXPECT_EQ(clock_text_with_seconds(62min + 5s), "1:02:05");
}

}  // namespace
}  // namespace utakata
