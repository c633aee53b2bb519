#include "load/report/junit.h"

#include <gtest/gtest.h>

#include "load/report/sample_for_tests.h"

namespace utakata::load {
namespace {

LoadReport small_report() {
  LoadReport report;
  report.file = "votes \"1\".mjs";
  report.started = WallTime{std::chrono::milliseconds{1'767'225'600'000}};
  report.elapsed = 1500ms;
  const auto check = [&](const char* name, bool is_true) {
    const auto id = report.metrics.id(MetricKind::rate, "checks", Tags{{"check", name}});
    report.metrics.rate(*id, is_true);
  };
  check("counted", true), check("counted", false), check("a < b & c", true);
  return report;
}

TEST(JUnit, what_was_missed_is_a_failure_and_everything_is_escaped) {
  LoadReport report = small_report();
  const auto threshold = threshold_from("echo", "p(95)<500").value();
  report.thresholds.push_back({threshold, {.is_kept = false, .because = "It is <slow>."}});
  EXPECT_EQ(to_junit(report),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="votes &quot;1&quot;.mjs" tests="4" failures="2" time="1.500">
  <testsuite name="generator" tests="1" failures="0" timestamp="2026-01-01T00:00:00">
    <testcase classname="generator" name="the figures are the servers&#39;" time="0"/>
  </testsuite>
  <testsuite name="thresholds" tests="1" failures="1" timestamp="2026-01-01T00:00:00">
    <testcase classname="thresholds" name="echo p(95)&lt;500" time="0">)"
            R"(<failure message="It is &lt;slow&gt;.">It is &lt;slow&gt;.</failure></testcase>
  </testsuite>
  <testsuite name="checks" tests="2" failures="1" timestamp="2026-01-01T00:00:00">
    <testcase classname="checks" name="counted" time="0">)"
            R"(<failure message="1 of 2 failed.">1 of 2 failed.</failure></testcase>
    <testcase classname="checks" name="a &lt; b &amp; c" time="0">)"
            R"(<system-out>0 of 1 failed.</system-out></testcase>
  </testsuite>
</testsuites>
)");
}

TEST(JUnit, a_threshold_of_checks_says_how_many_may_fail) {
  LoadReport report = small_report();
  const auto threshold = threshold_from("checks", "rate>0.4").value();
  report.thresholds.push_back({threshold, judge(threshold, report.metrics, report.elapsed)});
  const std::string xml = to_junit(report);
  EXPECT_NE(xml.find("tests=\"4\" failures=\"0\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("<system-out>1 of 2 failed.</system-out>"), std::string::npos) << xml;
}

TEST(JUnit, a_run_that_is_the_generators_own_fails) {
  LoadReport report;
  report.doubts = {"It was slow.", "It was late."};
  EXPECT_NE(to_junit(report).find("<failure message=\"It was slow. It was late.\">"),
            std::string::npos);
}

}  // namespace
}  // namespace utakata::load
