// The points of a run, of its ticks: bounded however long it takes. Where there would be too many,
// neighbours are joined exactly (what was counted is added up, histograms are merged), so that each
// stands for twice as long. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"
#include "load/report/load_report.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

// All workers together, in the time since the last one: usually a second.
struct LoadTick {
  Duration at{}, length{};   // its begin since the start; after the one before
  std::int64_t users = 0;    // at its end, busy ones
  std::int64_t sockets = 0;  // likewise, open
  double cpu_max = 0;        // of the worker that used most
  double lag_ms_max = 0;     // likewise
};

struct TimelineLimits {
  std::size_t points_max = 600;        // at least 2; a chart has no more pixels
  std::size_t bytes_max = 16'000'000;  // of what was measured: a report's file is about as large
  std::size_t metrics_max = 100;       // the first ones that come
  std::size_t errors_max = 20;         // kinds of them; the rest is "others"
};

class Timeline {
 public:
  // `points` is empty, written to here only, and lives as long as this.
  explicit Timeline(std::vector<LoadPoint>& points, TimelineLimits limits = {});

  // `measured`: in this tick, by all; series that are empty count for nothing. A tick of less than
  // a quarter of a second goes to the point before it: what happened in it would make no honest
  // rate. O(series); twice a run or so also O(all points).
  void add(const LoadTick& tick, const Metrics& measured);

  std::size_t bytes() const { return bytes_; }  // of what was measured

 private:
  LoadPoint point_of(const LoadTick& tick, const Metrics& measured);
  void join_neighbours();

  std::vector<LoadPoint>& points_;
  const TimelineLimits limits_;
  std::set<std::string, std::less<>> metrics_, errors_;
  std::size_t bytes_ = 0;
  std::int64_t stretch_ = 1, last_ticks_ = 0;  // in ticks: of a point, and of the last one so far
};

// Makes `to` stand for both: `more` comes right after it.
void join(LoadPoint& to, const LoadPoint& more);

}  // namespace utakata::load
