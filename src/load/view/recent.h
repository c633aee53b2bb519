// The last seconds of a run, for who watches it. Pure; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/report/packed_trend.h"
#include "load/report/timeline.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

class Recent {
 public:
  static constexpr std::size_t window = 10;    // ticks that trend() is of
  static constexpr std::size_t history = 120;  // that can be drawn as lines

  void add(const LoadTick& tick, const Metrics& measured);

  const LoadTick& last() const { return last_; }  // zeros before the first
  // A second, in the last tick, of all series of that counter that have these tags. O(series).
  double rate(std::string_view metric, std::span<const Tag> tags = {}) const;
  Trend trend(const std::string& metric) const;  // of the window; some 100 us
  // One for each tick, the newest last.
  std::vector<double> users() const;
  std::vector<double> p95(const std::string& metric) const;  // microseconds; 0: nothing measured

 private:
  struct Count {
    SeriesName name;
    double sum = 0;
  };
  struct Second {
    double users = 0;
    std::map<std::string, double> p95;
  };
  LoadTick last_{};
  std::vector<Count> counts_;  // of the last tick
  std::deque<std::map<std::string, PackedTrend>> trends_;
  std::deque<Second> history_;
};

}  // namespace utakata::load
