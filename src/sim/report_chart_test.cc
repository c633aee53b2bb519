#include "sim/report_chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace utakata {
namespace {

const ChartAxis kAxis{100s};

std::string path_of(ChartSeries::Shape shape, std::vector<double> values) {
  const Chart chart{.title = "t",
                    .at = {0s, 25s, 50s, 100s},
                    .series = {{"s", "blue", shape, std::move(values)}},
                    .faults = {}};
  const std::string html = chart_html(chart, kAxis);
  const auto path = html.find(" d=\"", html.find(" blue\" d="));
  return html.substr(path + 4, html.find('"', path + 4) - path - 4);
}

TEST(Charts, draw_each_shape) {
  using Shape = ChartSeries::Shape;
  EXPECT_EQ(path_of(Shape::steps, {0, 4, 4, 2}), "M0 100H250V0H1000V50H1000");
  EXPECT_EQ(path_of(Shape::line, {0, 4, 4, 2}), "M0 100L250 0L500 0L1000 50");
  EXPECT_EQ(path_of(Shape::area, {0, 4, 4, 2}), "M0 100L250 0L500 0L1000 50V100H0Z");
  EXPECT_EQ(path_of(Shape::bars, {0, 4, 0, 2}), "M0 100H0V0H250V100H500V50H1000V100Z")
      << "what a sample counted lies before it";
}

std::string ticks_of(double highest) {
  const Chart chart{.title = "t",
                    .at = {0s},
                    .series = {{"s", "blue", ChartSeries::Shape::line, {highest}}},
                    .faults = {}};
  const std::string html = chart_html(chart, kAxis);
  const auto from = html.find("<div class=\"ticks\">");
  std::string text;
  bool is_tag = false;
  for (const char c : html.substr(from, html.find("</div>", from) - from)) {
    if (c == '<') is_tag = true;
    if (!is_tag) text += c;
    if (c == '>' && std::exchange(is_tag, false) && !text.ends_with(' ')) text += ' ';
  }
  return text;
}

TEST(Charts, have_round_ticks_up_to_the_highest_value) {
  struct Case {
    double highest;
    const char* ticks;
  };
  for (const auto& c : {Case{0, " 0 1 "}, Case{1, " 0 1 "}, Case{3, " 0 1 2 3 "},
                        Case{6, " 0 2 4 6 "}, Case{7, " 0 2 4 6 8 "},
                        Case{3000, " 0 1000 2000 3000 "}, Case{65'000, " 0 20k 40k 60k 80k "},
                        Case{2e6, " 0 500k 1M 1.5M 2M "}, Case{0.03, " 0 0.01 0.02 0.03 "}})
    EXPECT_EQ(ticks_of(c.highest), c.ticks) << c.highest;
}

TEST(Charts, have_at_most_seven_times_on_the_axis) {
  struct Case {
    Duration length;
    const char *first, *last;
  };
  for (const auto& c : {Case{90s, ">0:00<", ">0:01<"}, Case{3h, ">0:30<", ">3:00<"},
                        Case{24h, ">6:00<", ">24:00<"}, Case{7 * 24h, ">48:00<", ">144:00<"}}) {
    const std::string html = axis_html({c.length});
    EXPECT_TRUE(html.contains(c.first)) << html;
    EXPECT_TRUE(html.contains(c.last)) << html;
    EXPECT_LE(std::ranges::count(html, '%'), 7) << html;
  }
}

TEST(Charts, of_nothing_but_zeros_are_a_sentence_where_they_have_one) {
  const Chart chart{.title = "Cut",
                    .at = {0s, 1s},
                    .series = {{"s", "red", ChartSeries::Shape::bars, {0, 0}}},
                    .faults = {},
                    .if_nothing = "no connection was cut"};
  EXPECT_EQ(chart_html(chart, kAxis),
            "<p class=\"nothing\"><b>Cut</b>: no connection was cut</p>\n");
}

TEST(Charts, tell_their_values_on_hover) {
  const Chart chart{.title = "t",
                    .at = {0s, 50s},
                    .series = {{"serving", "blue", ChartSeries::Shape::steps, {1, 2}},
                               {"wanted", "dashed", ChartSeries::Shape::steps, {1'500, 2.5}}},
                    .faults = {}};
  const std::string html = chart_html(chart, kAxis);
  EXPECT_TRUE(
      html.contains("x=\"0\" width=\"500\" height=\"100\"><title>0:00:00 · serving 1 · "
                    "wanted 1,500</title>"))
      << html;
  EXPECT_TRUE(html.contains("<title>0:00:50 · serving 2 · wanted 2.50</title>"));
}

}  // namespace
}  // namespace utakata
