#include "sim/report_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "sim/sim_result_for_tests.h"

namespace utakata {
namespace {

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

bool has(const std::string& text, std::string_view part) { return text.contains(part); }

TEST(TextReport, is_a_table) {
  SimResult result = result_for_tests();
  result.clusters.resize(1);
  EXPECT_EQ(
      to_text(result),
      R"(shop under tv-show: 3h from 2026-12-31T20:00:00Z, seed 42, in 1.8 s (6,000 times real time)

cluster lobby
  people                                                       12,345
  placements                                                   12,300
  refused, of all answers                                  45 (0.4 %)
  waited, p50                                                    12ms
  waited, p99                                                 1s200ms
  waited, most                                                   1m1s
  cut, all in all                                                  46
  cut by faults                                                    41
  cut by healing                                                    3
  cut by a drain's deadline                                         2
  cut by scaling                                                    0
  launches                                                          7
  drains                                                            6
  heals                                                             1
  serving at most                                                   6
  instance-hours                                                12.35

1 fault
    2:00:03  SIGKILL to game-3 with 41 clients

no promise broken
)");
}

TEST(TextReport, shows_broken_promises_whole) {
  SimResult result = result_for_tests();
  const std::string long_one(150, 'x');
  result.broken = {"1 no cut: game-4 was stopped at 12m3s with 3 clients on it", long_one};
  const std::string text = to_text(result);
  EXPECT_TRUE(has(text, "\n2 promises BROKEN\n  1 no cut: game-4 was stopped at 12m3s with 3"));
  EXPECT_TRUE(has(text, "\n  " + long_one.substr(0, 98) + "\n  " + long_one.substr(98) + "\n"));
  EXPECT_FALSE(has(text, "no promise broken"));
}

TEST(TextReport, counts_what_a_list_has_no_room_for) {
  SimResult result = result_for_tests();
  result.faults.assign(25, {.at = 1h, .what = "SIGKILL"});
  const std::string text = to_text(result);
  EXPECT_TRUE(has(text, "\n25 faults\n    1:00:00  SIGKILL\n"));
  EXPECT_TRUE(has(text, "\n  ... and 5 more\n"));
}

TEST(TextReport, stands_side_by_side) {
  SimResult a = result_for_tests(), b = result_for_tests();
  b.clusters.pop_back();
  b.clusters[0].launches = 1'234;
  b.currency = "EUR";
  b.broken = {"2 no refusal"};
  const std::string text = to_text(a, b, "today", "with headroom");
  EXPECT_LE(longest_line(text), 100u);
  const std::string today(26, ' '), headroom(18, ' ');
  EXPECT_TRUE(has(text, "\ncluster lobby" + std::string(25, ' ') + today + "today" + headroom +
                            "with headroom\n"))
      << text;
  EXPECT_TRUE(has(text, "7" + std::string(26, ' ') + "1,234\n")) << text;
  EXPECT_TRUE(has(text, "-" + std::string(23, ' ') + "1.50 EUR\n")) << "only one has a price";
  EXPECT_TRUE(has(text, "\ncluster game")) << "though b has none";
  EXPECT_TRUE(has(text, "\nno promise broken in today\n\n1 promise BROKEN in with headroom\n"));
}

TEST(TextReport, of_hostile_names_keeps_to_100_columns_and_drives_no_terminal) {
  SimResult result = result_for_tests();
  const std::string hostile = "\x1b[2J\xc2\x9b" + std::string(200, 'w') + "\r\n\a" + "\xff\xc3";
  result.stack = result.load = result.currency = result.clusters[0].name = hostile;
  result.faults[0].what = hostile;
  result.broken = {hostile, "", "   "};
  result.clusters[0].instance_hours = result.clusters[0].cost = 1e300;
  for (const auto& text : {to_text(result), to_text(result, result, hostile, hostile)}) {
    EXPECT_LE(longest_line(text), 105u) << "bytes; some characters have two";
    EXPECT_TRUE(std::ranges::none_of(
        text, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }));
    EXPECT_FALSE(has(text, "\xc2\x9b"));
  }
}

TEST(TextReport, of_nothing_is_a_text) {
  EXPECT_TRUE(has(to_text(SimResult{}), "no promise broken"));
}

}  // namespace
}  // namespace utakata
