// What the reports of a simulated day have in common: which totals are shown, and how numbers and
// times are written. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "sim/result.h"

namespace utakata {

// The totals of a cluster, in the order in which users compare them. The labels are the same for
// every cluster; only the cost is left out where no price is known (`currency` is empty).
struct ReportRow {
  std::string label, value;
};
std::vector<ReportRow> report_rows(const SimCluster& cluster, std::string_view currency);

// "3h from 2026-12-31T20:00:00Z, seed 42, in 1.8 s (6,000 times real time)"
std::string report_run(const SimResult& result);

std::string thousands(std::int64_t number);  // "1,234,567"
// Hours, minutes ("1:02"), and seconds ("1:02:33"); what is before the beginning is 0:00.
std::string clock_text(Duration since);
std::string clock_text_with_seconds(Duration since);

}  // namespace utakata
