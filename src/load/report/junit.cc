#include "load/report/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "load/report/figures.h"
#include "load/report/metric_rows.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

struct Case {
  std::string name;
  std::string what;  // was seen
  bool is_good = false;
};

struct Suite {
  std::string name;
  std::vector<Case> cases;
  std::size_t failures() const {
    return std::size_t(std::ranges::count(cases, false, &Case::is_good));
  }
};

Suite generator_of(const LoadReport& report) {
  std::string doubts;
  for (const auto& doubt : report.doubts) doubts += (doubts.empty() ? "" : " ") + doubt;
  return {"generator", {{"the figures are the servers'", doubts, report.is_valid()}}};
}

Suite thresholds_of(const LoadReport& report) {
  Suite suite{"thresholds", {}};
  for (const auto& [threshold, verdict] : report.thresholds)
    suite.cases.push_back(
        {threshold.metric + " " + threshold.expression, verdict.because, verdict.is_kept});
  return suite;
}

Suite checks_of(const LoadReport& report) {
  const bool is_judged = std::ranges::any_of(
      report.thresholds, [](const auto& one) { return one.threshold.of.metric == "checks"; });
  Suite suite{"checks", {}};
  for (const CheckRow& row : checks_in(report.metrics))
    suite.cases.push_back({row.name,
                           fmt::format("{} of {} failed.", number_words(double(row.failed())),
                                       number_words(double(row.rate.all))),
                           is_judged || row.failed() == 0});
  return suite;
}

std::string xml_of(const Case& one, const std::string& suite) {
  const std::string head = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\"",
                                       suite, escaped(one.name));
  if (one.what.empty()) return head + "/>\n";
  const char* const within =
      one.is_good ? "<system-out>{0}</system-out>" : "<failure message=\"{0}\">{0}</failure>";
  return head + ">" + fmt::format(fmt::runtime(within), escaped(one.what)) + "</testcase>\n";
}

}  // namespace

std::string to_junit(const LoadReport& report) {
  const Suite suites[] = {generator_of(report), thresholds_of(report), checks_of(report)};
  std::size_t tests = 0, failures = 0;
  std::string body;
  for (const Suite& suite : suites) {
    if (suite.cases.empty()) continue;
    tests += suite.cases.size(), failures += suite.failures();
    body += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" timestamp=\"{}\">\n",
                        suite.name, suite.cases.size(), suite.failures(),
                        utakata::to_text(report.started).substr(0, 19));
    for (const Case& one : suite.cases) body += xml_of(one, suite.name);
    body += "  </testsuite>\n";
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" "
      "failures=\"{}\" time=\"{:.3f}\">\n{}</testsuites>\n",
      escaped(report.file), tests, failures, to_seconds(report.elapsed), body);
}

}  // namespace utakata::load
