// The totals of what happened and of what would have been, as lines of a table. Pure.
#pragma once

#include <string>
#include <vector>

#include "sim/replay_report.h"

namespace utakata {

struct ReplayRow {
  std::string label;
  std::vector<std::string> values;  // what happened, then each day; "not known", "-"
};
std::vector<ReplayRow> replay_rows(const ReplayReport& report,
                                   const ReplayReport::Cluster& cluster);

// Minutes side by side that are alike, as one: where both have the same size, or differ in the same
// way.
struct ReplaySpan {
  std::size_t first = 0, last = 0;  // minutes, both included
  int had = 0, would = 0;
  std::string why;
};
std::vector<ReplaySpan> spans_that_differ(const RecordedCluster& happened,
                                          const ReplayedCluster& day);

std::string hour_of(WallTime at);  // "20:15" in UTC

}  // namespace utakata
