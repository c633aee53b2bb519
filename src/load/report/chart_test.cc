#include "load/report/chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace utakata::load {
namespace {

Chart chart_of(std::vector<double> values, ChartUnit unit = ChartUnit::number) {
  Chart chart{.title = "t", .unit = unit};
  for (std::size_t i = 0; i < values.size(); ++i) {
    chart.x.push_back(values.size() == 1 ? 0.5 : double(i) / double(values.size() - 1));
    chart.x_words.push_back(std::to_string(i));
  }
  chart.lines = {{"a", "c1", std::move(values)}};
  return chart;
}

std::string path_in(const std::string& html) {
  const auto from = html.find("d=\"", html.find("class=\"line c1\"")) + 3;
  return html.substr(from, html.find('"', from) - from);
}

std::vector<std::string> labels_in(const std::string& html) {
  std::vector<std::string> labels;
  std::string_view left = std::string_view(html).substr(html.find("class=\"labels\""));
  left = left.substr(0, left.find("</div>"));
  for (std::size_t at; (at = left.find("%\">")) != left.npos;) {
    left.remove_prefix(at + 3);
    labels.emplace_back(left.substr(0, left.find('<')));
  }
  return labels;
}

TEST(LoadChart, a_line_goes_through_its_values_from_zero_up) {
  EXPECT_EQ(path_in(chart_html(chart_of({0, 5, 10}))), "M0 100L500 50L1000 0");
  EXPECT_EQ(path_in(chart_html(chart_of({-10, 10}))), "M0 100L1000 0") << "gauges may be below";
}

TEST(LoadChart, where_nothing_was_measured_is_a_gap_and_one_alone_a_dot) {
  EXPECT_EQ(path_in(chart_html(chart_of({10, NAN, 10, 10, NAN}))), "M0 0h0M500 0L750 0");
}

TEST(LoadChart, its_labels_are_round_numbers_with_their_units) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(labels_in(chart_html(chart_of({1'000'000}))),
            (Words{"0", "200,000", "400,000", "600,000", "800,000", "1,000,000"}));
  EXPECT_EQ(labels_in(chart_html(chart_of({2}))), (Words{"0", "1", "2"})) << "no half user";
  EXPECT_EQ(labels_in(chart_html(chart_of({0.39}))), (Words{"0", "0.1", "0.2", "0.3", "0.4"}));
  EXPECT_EQ(labels_in(chart_html(chart_of({250'000}, ChartUnit::microseconds))),
            (Words{"0", "50 ms", "100 ms", "150 ms", "200 ms", "250 ms"}));
  EXPECT_EQ(labels_in(chart_html(chart_of({0.999}, ChartUnit::share))),
            (Words{"0 %", "20 %", "40 %", "60 %", "80 %", "100 %"}));
  Chart by_powers = chart_of({900, 2'000'000}, ChartUnit::microseconds);
  by_powers.is_logarithmic = true;
  EXPECT_EQ(labels_in(chart_html(by_powers)),
            (Words{"100 us", "1 ms", "10 ms", "100 ms", "1 s", "10 s"}));
}

TEST(LoadChart, nothing_is_no_chart_or_says_so) {
  EXPECT_EQ(chart_html(chart_of({})), "");
  EXPECT_EQ(chart_html(chart_of({0, 0, NAN})), "");
  Chart said = chart_of({});
  said.if_nothing = "none & nothing";
  EXPECT_NE(chart_html(said).find("none &amp; nothing"), std::string::npos);
}

TEST(LoadChart, of_samples_that_share_a_column_the_peak_is_told) {
  std::vector<double> values(600, 1);
  values[303] = 77;
  const std::string html = chart_html(chart_of(values));
  EXPECT_NE(html.find("</s>a 77</b>"), std::string::npos);
  std::size_t columns = 0;
  for (std::size_t at = 0; (at = html.find("<b>", at + 1)) != html.npos;) ++columns;
  EXPECT_LE(columns, 121u) << "with the title's";
}

TEST(LoadChart, an_axis_of_time_has_a_few_round_times) {
  for (const Duration length : {Duration{1s}, Duration{100s}, Duration{5min}, Duration{30min},
                                Duration{13h}, Duration{24h * 9}, Duration{24h * 400}}) {
    const auto ticks = time_ticks(length);
    EXPECT_GE(ticks.size(), 2u) << to_seconds(length);
    EXPECT_LE(ticks.size(), 8u) << to_seconds(length);
    EXPECT_LE(ticks.back().x, 1);
  }
  EXPECT_EQ(time_ticks(100s)[1].words, "0:15");
  EXPECT_TRUE(time_ticks(0s).empty());
}

}  // namespace
}  // namespace utakata::load
