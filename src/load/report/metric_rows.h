// What of all that was measured is shown, in which order and under which headings: for everything
// that has a table of metrics. Pure.
//
// Of a metric with tags its sum is shown, and its parts only where they tell something: by
// `scenario` where there are several, by `instance` where there is any (the worst ones first, a
// few of them), and what a threshold asks for. Checks and errors have tables of their own
// (checks_in(), errors.h). What nothing was recorded to is not shown.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/report/load_report.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

struct MetricRow {
  std::string metric;
  std::string part;  // "" of all of it, "scenario=fans"; parts stand below their metric
  MetricValue value;
};

struct MetricGroup {
  std::string title;  // "Scenario", "WebSockets", "HTTP", "Traffic"
  std::vector<MetricRow> rows;
};

// Groups that are not empty. O(series x metrics).
std::vector<MetricGroup> metric_groups(const LoadReport& report);

struct CheckRow {
  std::string name;
  Rate rate;
  std::uint64_t failed() const { return rate.all - rate.trues; }
};
// The worst first.
std::vector<CheckRow> checks_in(const Metrics& metrics);

// The trends whose percentiles are worth a picture: the scenario's own, then those of whole
// requests, connections and iterations; not their phases.
std::vector<std::string> main_trends(const Metrics& metrics);

// Was nothing recorded to it?
bool is_silent(const MetricValue& value);
bool is_of_bytes(std::string_view metric);  // by its name

}  // namespace utakata::load
