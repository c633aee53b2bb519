#include "sim/report_html.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "sim/sim_result_for_tests.h"

namespace utakata {
namespace {

bool has(const std::string& text, std::string_view part) { return text.contains(part); }

// Do the elements close in the order in which they opened, and is each attribute quoted? Stricter
// than a browser, in order to find what was not escaped. Empty: yes.
std::string mistake_in(std::string_view html) {
  std::vector<std::string_view> open;
  for (auto at = html.find('<'); at != html.npos; at = html.find('<', at)) {
    const auto end = html.find('>', at);
    if (end == html.npos) return "a tag without an end";
    const std::string_view tag = html.substr(at + 1, end - at - 1);
    const std::string_view name = tag.substr(0, tag.find_first_of(" /", 1));
    at = end;
    if (std::ranges::count(tag, '"') % 2) return "quotes: " + std::string(tag);
    if (name == "!doctype" || name == "meta" || tag.ends_with('/')) continue;
    if (!tag.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || tag.substr(1) != open.back()) {
      return "closes what is not open: " + std::string(tag);
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "never closed: " + std::string(open.back());
}

TEST(HtmlReport, is_one_page_that_fetches_and_runs_nothing) {
  const std::string html = to_html(result_for_tests());
  EXPECT_EQ(mistake_in(html), "");
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  for (const auto* fetches : {"<script", "<link", "<img", "http:", "https:", "url(", "@import"})
    EXPECT_FALSE(has(html, fetches)) << fetches;
  EXPECT_TRUE(has(html, "default-src 'none'"));
  EXPECT_TRUE(has(html, "prefers-color-scheme:dark"));
  EXPECT_TRUE(has(html, "width=device-width"));
}

TEST(HtmlReport, has_totals_charts_and_a_reason_for_each_decision) {
  const std::string html = to_html(result_for_tests());
  for (const auto* part :
       {"<h1>shop under tv-show</h1>", "3h from 2026-12-31T20:00:00Z, seed 42, in 1.8 s",
        "<th>people</th><td>12,345</td><td>12,345</td>", "<h2>lobby</h2>", "<h2>game</h2>",
        "<b>Instances</b>", "<b>Connections</b>", "<b>Refused</b>", "<b>Cut</b>",
        "<b>Instance-hours so far</b>", ">2:30</span>",
        "<i>0:12:00 launch lobby-2: 62 connections each, target 50 [limited by max 4]</i>",
        "<i>2:00:00 stop game-3: deadline [by operator] [12 clients cut]</i>",
        "<i>2:00:03 fault SIGKILL to game-3 with 41 clients</i>", "No promise broken."})
    EXPECT_TRUE(has(html, part)) << part;
  EXPECT_FALSE(has(html, "it answers")) << "an outcome is no decision";
}

TEST(HtmlReport, shows_broken_promises_first) {
  SimResult result = result_for_tests();
  result.broken = {"1 no cut: game-4 was stopped"};
  const std::string html = to_html(result);
  EXPECT_TRUE(has(html, "<h2>1 promise broken</h2>\n<ul>\n<li>1 no cut: game-4 was stopped</li>"));
  EXPECT_LT(html.find("1 promise broken"), html.find("<table"));
  EXPECT_FALSE(has(html, "No promise broken"));
}

TEST(HtmlReport, has_a_cost_where_a_price_is_known) {
  SimResult result = result_for_tests();
  result.currency = "EUR";
  const std::string html = to_html(result);
  EXPECT_TRUE(has(html, "<b>Cost so far</b>"));
  EXPECT_TRUE(has(html, "<td>1.50 EUR</td>"));
}

TEST(HtmlReport, escapes_whatever_is_in_the_names) {
  const std::string hostile = "</title></script><script>alert(1)</script>\"'><img src=x>&\x01\xff";
  SimResult result = result_for_tests();
  result.stack = result.load = result.currency = hostile;
  result.clusters[0].name = hostile;
  result.faults[0].what = hostile;
  result.broken = {hostile};
  for (Activity& a : result.activities) {
    a.cluster = a.instance = a.kind = a.because = a.limited_by = a.by = hostile;
    a.phase = Activity::Phase::intent;
  }
  const std::string html = to_html(result);
  EXPECT_EQ(mistake_in(html), "");
  for (const auto* raw : {"<script", "</script", "<img", "\"'>", "&\x01"})
    EXPECT_FALSE(has(html, raw)) << raw;
  EXPECT_TRUE(has(html, "&lt;/script&gt;&lt;script&gt;alert(1)"));
}

TEST(HtmlReport, of_numbers_that_are_none_draws_within_its_frame) {
  SimResult result = result_for_tests();
  result.length = Duration{0};
  result.took_seconds = std::numeric_limits<double>::quiet_NaN();
  auto& cluster = result.clusters[0];
  cluster.instance_hours = std::numeric_limits<double>::infinity();
  cluster.samples[3].connections = -5;
  cluster.samples[4].capacity = std::numeric_limits<std::int64_t>::max();
  result.faults[0].at = -1h;
  result.clusters[1].samples.clear();
  result.clusters[1].instance_hours = 0;
  const std::string html = to_html(result);
  EXPECT_EQ(mistake_in(html), "");
  EXPECT_TRUE(has(html, "<b>Instances</b>: no samples"));
  for (auto d = html.find(" d=\""); d != html.npos; d = html.find(" d=\"", d + 1))
    EXPECT_EQ(html.substr(d + 4, html.find('"', d + 4) - d - 4).find_first_of("nai-e"),
              std::string::npos);
}

TEST(HtmlReport, of_nothing_is_a_page) {
  const std::string html = to_html(SimResult{});
  EXPECT_EQ(mistake_in(html), "");
  EXPECT_TRUE(has(html, "There was no cluster."));
}

}  // namespace
}  // namespace utakata
