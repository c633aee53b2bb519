#include "load/report/prometheus.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "load/report/sample_for_tests.h"
#include "wire/prometheus.h"

namespace utakata::load {
namespace {

double value_of(const std::string& text, const char* selector) {
  const auto sums = wire::prometheus_sums(text, {{wire::prometheus_selector(selector).value()}});
  EXPECT_TRUE(sums) << sums.error().what;
  EXPECT_EQ(sums.value()[0].samples, 1) << selector;
  return sums.value()[0].value;
}

TEST(LoadPrometheus, what_was_measured_can_be_read_by_who_scrapes) {
  const LoadReport report = sample_report();
  const std::string text = to_prometheus(report);
  EXPECT_EQ(value_of(text, "utakata_load_users"), 1000);
  EXPECT_EQ(value_of(text, "utakata_load_sockets"), 800);
  EXPECT_EQ(value_of(text, "utakata_load_is_valid"), 1);
  EXPECT_EQ(value_of(text, "utakata_load_is_kept"), 0);
  EXPECT_EQ(value_of(text, "utakata_load_http_reqs_total"), 4265);
  EXPECT_EQ(value_of(text, "utakata_load_iterations_total{scenario=\"fans\"}"), 3400);
  EXPECT_EQ(value_of(text, "utakata_load_http_req_failed_trues_total"), 15);
  EXPECT_EQ(value_of(text, "utakata_load_http_req_failed_values_total"), 4265);
  EXPECT_EQ(value_of(text, "utakata_load_votes_open"), 401);
  EXPECT_EQ(value_of(text, "utakata_load_ws_connecting_seconds_count"), 990);
  EXPECT_NEAR(value_of(text, "utakata_load_ws_connecting_seconds{quantile=\"0.5\"}"), 0.002, 1e-4);
  EXPECT_NEAR(value_of(text, "utakata_load_ws_connecting_seconds_sum"), 2.08, 0.05);
}

TEST(LoadPrometheus, names_that_cannot_be_are_changed_and_stay_apart) {
  LoadReport report;
  const auto count = [&](const char* name, double by, const Tags& tags = {}) {
    report.metrics.count(report.metrics.id(MetricKind::counter, name, tags).value(), by);
  };
  count("a-b", 1), count("a b", 2), count("7", 3), count("投票", 4);
  count("tagged", 5, {{"le-vel", harm}, {"le vel", "x"}, {"quantile", "y\\"}});
  const auto gauge = [&](const char* name, double value) {
    report.metrics.gauge(report.metrics.id(MetricKind::gauge, name).value(), value);
  };
  gauge("users", 6), gauge("echo_seconds_count", 8);
  report.metrics.trend(report.metrics.id(MetricKind::trend, "echo").value(), 9);
  const std::string text = to_prometheus(report);
  EXPECT_EQ(value_of(text, "utakata_load_a_b_total"), 2);
  EXPECT_EQ(value_of(text, "utakata_load_a_b_total_2"), 1);
  EXPECT_EQ(value_of(text, "utakata_load_x_7_total"), 3);
  EXPECT_EQ(value_of(text, "utakata_load_x__total"), 4);
  EXPECT_EQ(value_of(text, "utakata_load_users"), 0) << "ours";
  EXPECT_EQ(value_of(text, "utakata_load_users_2"), 6);
  EXPECT_EQ(value_of(text, "utakata_load_echo_seconds_count"), 1) << "of the trend";
  EXPECT_EQ(value_of(text, "utakata_load_echo_seconds_count_2"), 8);
  EXPECT_NE(
      text.find("utakata_load_tagged_total{le_vel=\"x\",le_vel_2=\"<script>alert('1')</script> "
                "& \\\"more\\\"\",quantile_2=\"y\\\\\"} 5"),
      std::string::npos)
      << text;
}

TEST(LoadPrometheus, no_family_comes_twice) {
  std::istringstream lines(to_prometheus(sample_report()));
  std::set<std::string> families;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(families.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  EXPECT_GT(families.size(), 20u);
}

}  // namespace
}  // namespace utakata::load
