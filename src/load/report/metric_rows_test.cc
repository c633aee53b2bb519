#include "load/report/metric_rows.h"

#include <gtest/gtest.h>

#include "load/report/errors.h"
#include "load/report/sample_for_tests.h"

namespace utakata::load {
namespace {

using Words = std::vector<std::string>;

// "group: metric", "  part" below it.
Words rows_of(const LoadReport& report) {
  Words rows;
  for (const auto& group : metric_groups(report))
    for (const auto& row : group.rows)
      rows.push_back(row.part.empty() ? group.title + ": " + row.metric : "  " + row.part);
  return rows;
}

void count(LoadReport& report, const char* name, double by, const Tags& tags = {}) {
  report.metrics.count(report.metrics.id(MetricKind::counter, name, tags).value(), by);
}

TEST(MetricRows, are_grouped_with_the_scenarios_own_first_and_silent_ones_left_out) {
  LoadReport report;
  for (const char* const name : {"data_sent", "ws_sessions", "http_reqs", "iterations", "votes"})
    count(report, name, 1);
  for (const char* const name :
       {"http_req_waiting", "http_req_duration", "iteration_duration", "vote_seen"})
    report.metrics.trend(report.metrics.id(MetricKind::trend, name).value(), 5);
  report.metrics.id(MetricKind::trend, "http_req_tls_handshaking").value();
  EXPECT_EQ(rows_of(report),
            (Words{"Scenario: vote_seen", "Scenario: iteration_duration", "Scenario: votes",
                   "Scenario: iterations", "WebSockets: ws_sessions", "HTTP: http_req_duration",
                   "HTTP: http_req_waiting", "HTTP: http_reqs", "Traffic: data_sent"}));
}

TEST(MetricRows, scenarios_are_told_apart_where_there_are_several) {
  LoadReport one, two;
  count(one, "votes", 1, {{"scenario", "fans"}});
  count(two, "votes", 1, {{"scenario", "fans"}}), count(two, "votes", 2, {{"scenario", "late"}});
  EXPECT_EQ(rows_of(one), (Words{"Scenario: votes"}));
  EXPECT_EQ(rows_of(two), (Words{"Scenario: votes", "  scenario=fans", "  scenario=late"}));
}

TEST(MetricRows, of_many_instances_the_worst_are_shown) {
  LoadReport report;
  for (int i = 0; i < 40; ++i)
    report.metrics.trend(
        report.metrics.id(MetricKind::trend, "echo", Tags{{"instance", std::to_string(i)}}).value(),
        (i * 7 % 40) * 1000);
  const Words rows = rows_of(report);
  ASSERT_EQ(rows.size(), 9u);
  EXPECT_EQ(rows[1], "  instance=17") << "39 ms";
  EXPECT_EQ(rows[2], "  instance=34") << "38 ms";
}

TEST(MetricRows, other_tags_are_shown_where_a_threshold_asks_for_them) {
  LoadReport report;
  count(report, "votes", 1, {{"to", "a"}, {"scenario", "x"}});
  count(report, "votes", 2, {{"to", "b"}, {"scenario", "y"}});
  for (const char* const metric :
       {"votes{to:b}", "votes{to:b}", "votes{scenario:x}", "votes{to:c}"})
    report.thresholds.push_back({threshold_from(metric, "count>0").value(), {}});
  EXPECT_EQ(rows_of(report), (Words{"Scenario: votes", "  scenario=x", "  scenario=y", "  to=b"}));
}

TEST(MetricRows, checks_stand_by_name_the_worst_first) {
  Metrics metrics;
  const auto check = [&](const Tags& tags, bool is_true) {
    metrics.rate(metrics.id(MetricKind::rate, "checks", tags).value(), is_true);
  };
  check({{"check", "good"}}, true);
  check({{"check", "bad"}, {"scenario", "a"}}, false), check({{"check", "bad"}}, true);
  check({}, true);
  const auto rows = checks_in(metrics);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "bad");
  EXPECT_EQ(rows[0].failed(), 1u);
  EXPECT_EQ(rows[0].rate.all, 2u) << "of all scenarios";
}

TEST(MetricRows, main_trends_are_those_of_whole_things) {
  EXPECT_EQ(main_trends(sample_report().metrics),
            (Words{"vote_seen", "http_req_duration", "ws_connecting", "iteration_duration"}));
}

TEST(LoadErrors, are_told_by_kind_and_phase_the_most_frequent_first) {
  LoadReport report;
  count(report, "errors", 1, {{"phase", "script"}, {"scenario", "a"}});
  count(report, "errors", 2, {{"phase", "script"}, {"scenario", "b"}});
  count(report, "http_errors", 9, {{"phase", "connect"}});
  count(report, "http_errors", 1, {{"phase", "wait"}, {"error", "timed_out"}});
  count(report, "http_errors", 2, {{"phase", "status"}, {"error", "503"}});
  for (const char* const code : {"1000", "1001", "1005", "1006"})
    count(report, "ws_closed", 50, {{"phase", "open"}, {"code", code}});
  count(report, "ws_closed", 4, {{"phase", "open"}, {"code", "4301"}});
  count(report, "ws_closed", 5, {{"phase", "connect"}, {"code", "1006"}});
  count(report, "ws_errors", 5, {{"phase", "connect"}, {"error", "ports"}});
  count(report, "ws_errors", 0, {{"phase", "tls"}});
  Words rows;
  for (const auto& one : errors_in(report.metrics))
    rows.push_back(one.words() + " " + std::to_string(int(one.count)));
  EXPECT_EQ(rows, (Words{"HTTP connect 9", "WebSocket connect ports 5", "WebSocket closed 4301 4",
                         "scenario script 3", "HTTP status 503 2", "HTTP wait timed_out 1"}));
  const std::vector<LoadErrors> own = {{"ports", "", 5}};
  EXPECT_EQ(own_errors_in(report.metrics), own);
  EXPECT_TRUE(is_of_errors("ws_closed"));
  EXPECT_FALSE(is_of_errors("ws_sessions"));
}

}  // namespace
}  // namespace utakata::load
