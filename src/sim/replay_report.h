// What happened beside what would have been, for people and for programs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fleet/model/stack.h"
#include "sim/recording.h"
#include "sim/replay.h"

namespace utakata {

struct ReplayReport {
  struct Cluster {
    RecordedCluster happened;
    std::vector<ReplayedCluster> days;  // parallel to `names`
  };
  std::string stack;
  std::vector<std::string> names;  // of the columns beside "happened"
  PriceSpec price;
  std::int64_t damaged = 0;  // observations passed over
  std::vector<Cluster> clusters;
};

// The table, at most 100 columns, safe to print. `in_full`: also who was cut by which scale-in or
// deploy, and the minutes in which the first day differs from what was there.
std::string replay_text(const ReplayReport& report, bool in_full);
// Everything, each minute included.
std::string replay_json(const ReplayReport& report);
// One page that needs nothing else, as report_html.h.
std::string replay_html(const ReplayReport& report);

}  // namespace utakata
