#include "load/report/csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "load/report/sample_for_tests.h"
#include "load/report/timeline.h"

namespace utakata::load {
namespace {

TEST(Csv, a_line_for_each_point_and_metric) {
  Metrics metrics;
  metrics.count(metrics.id(MetricKind::counter, "sent").value(), 5);
  metrics.gauge(metrics.id(MetricKind::gauge, "queue").value(), 1.5);
  metrics.rate(metrics.id(MetricKind::rate, "checks").value(), true);
  metrics.rate(metrics.id(MetricKind::rate, "checks").value(), false);
  for (const int us : {1000, 2000, 6000})
    metrics.trend(metrics.id(MetricKind::trend, "+echo").value(), us);
  LoadReport report;
  Timeline timeline(report.points);
  timeline.add({.at = 3s, .length = 2s, .users = 7, .sockets = 8}, metrics);
  EXPECT_EQ(to_csv(report),
            "at_s,length_s,users,sockets,metric,kind,count,per_s,avg,min,med,p90,p95,p99,max\r\n"
            "3.000,2.000,7,8,'+echo,trend,3,1.5,3,1,2.001,6,6,6,6\r\n"
            "3.000,2.000,7,8,checks,rate,2,1,0.5,,,,,,\r\n"
            "3.000,2.000,7,8,queue,gauge,,,1.5,1.5,,,,,1.5\r\n"
            "3.000,2.000,7,8,sent,counter,5,2.5,,,,,,,\r\n");
}

TEST(Csv, every_line_has_as_many_cells_as_the_first) {
  std::istringstream lines(to_csv(sample_report()));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    ASSERT_EQ(std::ranges::count(line, ','), 14) << line;
  EXPECT_GT(count, 1000u);
}

}  // namespace
}  // namespace utakata::load
