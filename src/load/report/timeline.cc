#include "load/report/timeline.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "load/report/errors.h"
#include "load/report/metric_rows.h"

namespace utakata::load {
namespace {

constexpr Duration tick_min = 250ms;
constexpr std::size_t points_kept = 32;  // however large they are: fewer are no line

std::size_t bytes_of(const LoadPoint& point) {
  std::size_t bytes = sizeof point;
  for (const auto& [name, value] : point.measured) bytes += name.size() + bytes_of(value);
  return bytes;
}

}  // namespace

void join(LoadPoint& to, const LoadPoint& more) {
  to.length = more.at + more.length - to.at;
  to.users = more.users;
  to.sockets = more.sockets;
  to.cpu_max = std::max(to.cpu_max, more.cpu_max);
  to.lag_ms_max = std::max(to.lag_ms_max, more.lag_ms_max);
  for (const auto& [name, value] : more.measured) {
    const auto [ours, is_new] = to.measured.try_emplace(name, value);
    if (is_new) continue;
    auto sum = unpacked(ours->second);
    merge(sum, unpacked(value));
    ours->second = packed(sum);
  }
  for (const auto& [words, count] : more.errors) to.errors[words] += count;
}

Timeline::Timeline(std::vector<LoadPoint>& points, TimelineLimits limits)
    : points_(points), limits_(limits) {
  check(limits_.points_max >= 2, "a timeline has room for two points");
}

LoadPoint Timeline::point_of(const LoadTick& tick, const Metrics& measured) {
  LoadPoint point{.at = tick.at,
                  .length = tick.length,
                  .users = tick.users,
                  .sockets = tick.sockets,
                  .cpu_max = tick.cpu_max,
                  .lag_ms_max = tick.lag_ms_max,
                  .measured = {},
                  .errors = {}};
  std::map<std::string_view, MetricValue> sums;
  for (const auto& [key, series] : measured.series()) {
    const std::string& name = series.name.metric;
    if (is_silent(series.value)) continue;
    if (!metrics_.contains(name)) {
      if (metrics_.size() >= limits_.metrics_max) continue;
      metrics_.insert(name);
    }
    if (const auto [sum, is_new] = sums.try_emplace(name, series.value); !is_new)
      merge(sum->second, series.value);
  }
  for (auto& [name, value] : sums) {
    // Turns are of one Metrics; in the order of points what comes later was set later.
    if (auto* gauge = std::get_if<Gauge>(&value)) gauge->turn = 1;
    point.measured.emplace(name, packed(value));
  }
  for (const LoadErrors& one : errors_in(measured)) {
    const std::string words = one.words();
    const bool has_room = errors_.contains(words) || errors_.size() < limits_.errors_max;
    if (has_room) errors_.insert(words);
    point.errors[has_room ? words : "others"] += one.count;
  }
  return point;
}

void Timeline::add(const LoadTick& tick, const Metrics& measured) {
  LoadPoint point = point_of(tick, measured);
  const bool is_short = tick.length < tick_min;
  if (!points_.empty() && (is_short || last_ticks_ < stretch_)) {
    bytes_ -= bytes_of(points_.back());
    join(points_.back(), point);
    bytes_ += bytes_of(points_.back());
    last_ticks_ += is_short ? 0 : 1;
  } else {
    if (points_.size() >= limits_.points_max) return join_neighbours(), add(tick, measured);
    bytes_ += bytes_of(point);
    points_.push_back(std::move(point));
    last_ticks_ = 1;
  }
  if (bytes_ > limits_.bytes_max && points_.size() > points_kept) join_neighbours();
}

void Timeline::join_neighbours() {
  std::vector<LoadPoint> joined;
  for (std::size_t i = 0; i < points_.size(); i += 2) {
    joined.push_back(std::move(points_[i]));
    if (i + 1 < points_.size()) join(joined.back(), points_[i + 1]);
  }
  if (points_.size() % 2 == 0) last_ticks_ += stretch_;
  stretch_ *= 2;
  points_ = std::move(joined);
  bytes_ = 0;
  for (const LoadPoint& point : points_) bytes_ += bytes_of(point);
}

}  // namespace utakata::load
