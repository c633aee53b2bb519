#include "load/report/summary.h"

#include <gtest/gtest.h>

#include <sstream>

#include "load/report/sample_for_tests.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

void judged(LoadReport& report, const char* metric, const char* expression) {
  const auto threshold = threshold_from(metric, expression).value();
  report.thresholds.push_back({threshold, judge(threshold, report.metrics, report.elapsed)});
}

LoadReport small_report() {
  LoadReport report;
  report.file = "votes.mjs";
  report.plan = "100 users for 1 min";
  report.started = WallTime{std::chrono::milliseconds{1'767'225'600'000}};
  report.planned = 60s, report.elapsed = 20s, report.end = LoadEnd::stopped;
  Metrics& m = report.metrics;
  for (int i = 1; i <= 1000; ++i) {
    m.trend(m.id(MetricKind::trend, "echo").value(), i * 1000);
    m.count(m.id(MetricKind::counter, "ws_msgs_sent").value(), 3);
    m.rate(m.id(MetricKind::rate, "checks", Tags{{"check", "it came back"}}).value(), i > 3);
    m.rate(m.id(MetricKind::rate, "http_req_failed").value(), i == 1);
  }
  m.count(m.id(MetricKind::counter, "errors", Tags{{"phase", "script"}}).value(), 2);
  m.count(m.id(MetricKind::counter, "data_sent").value(), 1'500'000);
  judged(report, "checks", "rate>0.9");
  judged(report, "echo", "p(95)<500");
  report.faults = {{"fans", "TypeError: \033[2Jno", "file:///votes.mjs:12:5", "", 1234}};
  report.generator = {.workers = 2,
                      .watched = 20s,
                      .cpu_max = 0.5,
                      .lag_ms_max = 12,
                      .gc_share_max = 0.031,
                      .late_ms_max = 4,
                      .resident_mb = 200};
  report.notes = {"An agent was lost."};
  return report;
}

TEST(Summary, says_first_what_was_missed_then_what_was_measured) {
  EXPECT_EQ(summary_of(small_report()),
            R"(utakata load votes.mjs
  100 users for 1 min
  stopped after 20 s of 1 min, begun 2026-01-01T00:00:00Z

Thresholds: 1 of 2 missed
  ✗ p(95) of `echo` is 949.76 ms, not < 500 ms.
  ✓ rate of `checks` is 0.997, > 0.9.

Checks: 99.7 % of 1,000
  ✗ it came back                                              99.7 %  3 of 1,000 failed

Scenario                             avg       min       med     p(90)     p(95)     p(99)       max
  echo                            500 ms      1 ms    500 ms    900 ms    950 ms    990 ms       1 s

WebSockets
  ws_msgs_sent                               3,000               150/s

HTTP
  http_req_failed                  0.1 %  1 of 1,000

Traffic
  data_sent                                 1.5 MB             75 kB/s

Errors
  scenario script                                2

Faults of the scenario
  1,234 x TypeError: [2Jno
    file:///votes.mjs:12:5, in fans

Generator, at its worst: 2 workers, 0.50 cores in one, late by 12 ms, garbage collection 3.1 %,
  users begun late by 4 ms, 210 MB in all.
  - An agent was lost.
)");
}

TEST(Summary, a_run_that_is_the_generators_own_is_called_so_before_anything_else) {
  LoadReport report = small_report();
  report.doubts = {"Worker 1 was slow."};
  const std::string text = summary_of(report);
  const auto at =
      text.find("NOT VALID: these figures are not the servers'\n  ! Worker 1 was slow.");
  EXPECT_LT(at, text.find("Thresholds"));
}

TEST(Summary, colours_are_for_terminals_and_change_no_word) {
  const LoadReport report = sample_report();
  const std::string coloured = summary_of(report, true);
  EXPECT_TRUE(coloured.contains("\033[31m✗\033[0m"));
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i)
    if (coloured[i] == '\033')
      i = coloured.find('m', i);
    else
      plain += coloured[i];
  std::istringstream lines(plain);
  std::string trimmed;  // a colour may end after the spaces at a line's end
  for (std::string line; std::getline(lines, line);)
    trimmed += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  EXPECT_EQ(trimmed, summary_of(report));
}

TEST(Summary, no_line_is_longer_than_a_terminal_whatever_is_in_it) {
  LoadReport report = sample_report();
  const std::string long_name(120, 'x');
  const std::string words = "Some words " + std::string(5, 'y') + std::string(300, ' ') + long_name;
  report.file = long_name;
  Metrics& m = report.metrics;
  m.trend(m.id(MetricKind::trend, long_name).value(), Histogram::highest);
  m.count(m.id(MetricKind::counter, "投票投票投票投票投票投票投票投票").value(), 1e15);
  m.rate(m.id(MetricKind::rate, "checks", Tags{{"check", long_name}}).value(), false);
  report.faults = {{long_name,
                    "many words here and there and everywhere and more of them, still "
                    "more, until there is no room",
                    long_name, "", 1}};
  std::istringstream lines(summary_of(report));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), 100u) << line;
}

}  // namespace
}  // namespace utakata::load
