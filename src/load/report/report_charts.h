// The charts of a report, in the order of its page. Pure.
#pragma once

#include <vector>

#include "load/report/chart.h"
#include "load/report/load_report.h"

namespace utakata::load {

std::vector<Chart> course_charts(const LoadReport& report);   // users, rates, errors
std::vector<Chart> latency_charts(const LoadReport& report);  // percentiles over time, by trend
Chart percentile_chart(const LoadReport& report);  // of the whole run, after HdrHistogram's plot
std::vector<Chart> other_charts(const LoadReport& report);  // traffic, shares, the generator

}  // namespace utakata::load
