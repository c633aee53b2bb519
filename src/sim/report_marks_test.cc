#include "sim/report_marks.h"

#include <gtest/gtest.h>

#include "sim/sim_result_for_tests.h"

namespace utakata {
namespace {

const ChartAxis kAxis{100min};  // a mark each 24 seconds

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Marks, are_intents_and_what_held_back_of_one_cluster) {
  const SimResult made = result_for_tests();
  SimResult result = made;
  result.activities.push_back({.at = result.began + 1h,
                               .cluster = "lobby",
                               .phase = Activity::Phase::outcome,
                               .kind = "brake",
                               .because = "3 of 6 are suspected"});
  result.activities.push_back({.at = result.began + 1h, .kind = "scale", .because = "all"});
  const auto marks = marks_of(result, "lobby");
  ASSERT_EQ(marks.size(), 3u);
  EXPECT_EQ(marks[0].what, "lobby-2: 62 connections each, target 50 [limited by max 4]");
  EXPECT_EQ(marks[1].what, "lobby: 3 of 6 are suspected");
  EXPECT_EQ(marks[2].what, "all") << "it concerns every cluster";
}

TEST(Marks, of_the_same_place_are_one_with_its_reasons_counted) {
  std::vector<Mark> marks;
  for (int i = 0; i < 12; ++i)
    marks.push_back({1h + i * 1s, "launch", i < 10 ? "two are wanted" : "one died"});
  marks.push_back({1h, "drain", "fewer fit"});
  const std::string html = lanes_html(marks, kAxis);
  EXPECT_TRUE(
      html.contains("<i>12 x launch, 1:00:00 to 1:00:11\n10 x two are wanted\n"
                    "2 x one died</i>"))
      << html;
  EXPECT_TRUE(html.contains("<i>1:00:00 drain fewer fit</i>"));
  EXPECT_LT(html.find("launch"), html.find("drain")) << "lanes have an order";
  EXPECT_EQ(count(html, "class=\"lane\""), 2u);
}

TEST(Marks, of_many_reasons_show_a_few) {
  std::vector<Mark> marks;
  for (int i = 0; i < 40; ++i) marks.push_back({1h, "stop", "reason " + std::to_string(i)});
  EXPECT_TRUE(lanes_html(marks, kAxis).contains("reason 3\nreason 4\nand 35 more</i>"));
}

TEST(Marks, by_the_thousand_stay_a_bounded_page) {
  std::vector<Mark> marks;
  for (int i = 0; i < 50'000; ++i)
    marks.push_back(
        {i * 120ms, "launch", "game-" + std::to_string(i) + ": " + std::string(60, 'x')});
  const std::string html = lanes_html(marks, kAxis);
  EXPECT_EQ(count(html, "<b class=\"mark"), 250u);
  EXPECT_LT(html.size(), 300'000u);
  const std::string table = marks_table_html(marks);
  EXPECT_EQ(count(table, "<tr>"), 3'000u);
  EXPECT_TRUE(table.contains("... and 47,000 more"));
}

TEST(Marks, outside_the_axis_stand_at_its_ends) {
  const std::string html =
      lanes_html(std::vector<Mark>{{-5min, "launch", "early"}, {1000h, "launch", "late"}}, kAxis);
  EXPECT_TRUE(html.contains("left:0%"));
  EXPECT_TRUE(html.contains("left:99.6%"));
}

}  // namespace
}  // namespace utakata
