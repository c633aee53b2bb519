#include "load/report/html.h"

#include <gtest/gtest.h>
#include <fstream>

#include "load/report/sample_for_tests.h"

namespace utakata::load {
namespace {

TEST(Html, sample) {
  std::ofstream("/tmp/load_report.html") << to_html(sample_report());
  auto bad = sample_report({.slower = 3});
  bad.doubts = {
      "Worker 1 used more than 0.9 cores for 6 s (1.02 at most): it did what it could, not what "
      "was asked of it. Spread the users over more workers or machines, or have fewer of them."};
  bad.notes = {"An agent was lost."};
  std::ofstream("/tmp/load_report_bad.html") << to_html(bad);
}

}  // namespace
}  // namespace utakata::load
