#include "load/report/html.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load/report/sample_for_tests.h"

namespace utakata::load {
namespace {

bool has(const std::string& page, std::string_view text) { return page.contains(text); }

// What is not closed, or closed by another: void elements of HTML, and those of the SVG, aside.
std::string first_imbalance(std::string_view page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find("<body>"); (at = page.find('<', at)) != page.npos; ++at) {
    const std::size_t end = page.find('>', at);
    if (end == page.npos) return "a tag that does not end";
    const bool is_closing = page[at + 1] == '/', is_alone = page[end - 1] == '/';
    const std::size_t from = at + 1 + is_closing;
    const std::string name(page.substr(from, page.find_first_of(" />", from) - from));
    if (name == "br" || name == "path" || is_alone) continue;
    if (!is_closing)
      open.push_back(name);
    else if (open.empty() || open.back() != name)
      return name;
    else
      open.pop_back();
    if (open.empty()) break;
  }
  return open.empty() ? "" : open.back();
}

TEST(LoadHtml, the_page_says_at_its_top_how_it_went) {
  LoadReport report = sample_report();
  std::string page = to_html(report);
  EXPECT_LT(page.find("1 of 4 thresholds missed"), page.find("Over time"));
  EXPECT_FALSE(has(page, "Not valid"));
  report.doubts = {"Worker 1 was <slow>."};
  page = to_html(report);
  EXPECT_LT(page.find("Not valid"), page.find("1 of 4 thresholds missed"));
  EXPECT_TRUE(has(page, "Worker 1 was &lt;slow&gt;."));
  for (auto& one : report.thresholds) one.verdict.is_kept = true;
  EXPECT_TRUE(has(to_html(report), "All thresholds were kept"));
  report.thresholds.clear();
  EXPECT_TRUE(has(to_html(report), "No thresholds were set"));
}

TEST(LoadHtml, every_chart_and_table_is_there) {
  const std::string page = to_html(sample_report());
  for (const char* const text :
       {"Users and sockets", "Messages a second", "Errors a second", "Latency over time",
        "How many were faster", "<b>vote_seen</b>", "<b>http_req_duration</b>", "scenario=fans",
        "the vote is counted", "WebSocket closed 1011", "file:///votes.mjs:12:5",
        "Gauges of the scenario", "The generator itself", "p99.9"})
    EXPECT_TRUE(has(page, text)) << text;
  EXPECT_FALSE(has(page, "<b>http_req_waiting</b>")) << "a phase is in the table only";
  EXPECT_FALSE(has(page, "nan"));
  EXPECT_FALSE(has(page, "inf\""));
  EXPECT_EQ(first_imbalance(page), "");
}

TEST(LoadHtml, needs_nothing_else_and_runs_nothing) {
  const std::string page = to_html(sample_report());
  EXPECT_TRUE(has(page, "content=\"default-src 'none'; style-src 'unsafe-inline'\""));
  for (const char* const text :
       {"<script", "http://", "https://", "src=", "href=", "url(", "@import"})
    EXPECT_FALSE(has(page, text)) << text;
}

TEST(LoadHtml, what_strangers_say_stays_text_wherever_it_stands) {
  LoadReport report = sample_report({.seconds = 5});
  report.file = report.plan = harm;
  report.doubts = {harm}, report.notes = {harm};
  report.faults = {{harm, harm, harm, std::string(harm) + "\n" + harm, 1}};
  report.thresholds[0].verdict.because = harm;
  report.points[0].errors[harm] = 7;
  Metrics& m = report.metrics;
  m.count(m.id(MetricKind::counter, "<b>sent", Tags{{"instance", harm}}).value());
  m.trend(m.id(MetricKind::trend, "<b>echo", Tags{{"instance", harm}}).value(), 5);
  m.count(m.id(MetricKind::counter, "errors", Tags{{"phase", harm}}).value());
  report.points[0].measured.emplace("<b>echo", PackedTrend());
  report.points[0].measured.emplace("<b>sent", Counter{5});
  const std::string page = to_html(report);
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "<b>sent"));
  EXPECT_FALSE(has(page, "<b>echo"));
  EXPECT_TRUE(has(page, "&lt;b&gt;sent"));
  EXPECT_EQ(first_imbalance(page), "");
}

TEST(LoadHtml, a_run_that_came_to_nothing_has_a_page_too) {
  const std::string page = to_html(LoadReport{});
  EXPECT_TRUE(has(page, "There were none."));
  EXPECT_EQ(first_imbalance(page), "");
}

TEST(LoadHtml, a_page_of_six_hundred_points_and_many_metrics_still_opens_at_once) {
  LoadReport report = sample_report({.seconds = 600});
  EXPECT_EQ(report.points.size(), 600u);
  EXPECT_LT(to_html(report).size(), 600'000u);
}

}  // namespace
}  // namespace utakata::load
