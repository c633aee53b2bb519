#include "load/view/recent.h"

#include <utility>

namespace utakata::load {

void Recent::add(const LoadTick& tick, const Metrics& measured) {
  last_ = tick;
  counts_.clear();
  std::map<std::string, Trend> sums;
  for (const auto& [key, series] : measured.series()) {
    if (const auto* counter = std::get_if<Counter>(&series.value))
      counts_.push_back({series.name, counter->sum});
    else if (const auto* trend = std::get_if<Trend>(&series.value); trend && trend->count() > 0)
      sums[series.name.metric].merge(*trend);
  }
  Second second{.users = double(tick.users), .p95 = {}};
  std::map<std::string, PackedTrend> trends;
  for (const auto& [metric, trend] : sums) {
    second.p95[metric] = double(trend.percentile(95));
    trends.emplace(metric, PackedTrend(trend));
  }
  trends_.push_back(std::move(trends));
  if (trends_.size() > window) trends_.pop_front();
  history_.push_back(std::move(second));
  if (history_.size() > history) history_.pop_front();
}

double Recent::rate(std::string_view metric, std::span<const Tag> tags) const {
  double sum = 0;
  for (const Count& count : counts_)
    if (count.name.metric == metric && count.name.has(tags)) sum += count.sum;
  return last_.length > 0s ? sum / to_seconds(last_.length) : 0;
}

Trend Recent::trend(const std::string& metric) const {
  Trend sum;
  for (const auto& second : trends_)
    if (const auto found = second.find(metric); found != second.end())
      sum.merge(found->second.unpacked());
  return sum;
}

std::vector<double> Recent::users() const {
  std::vector<double> users;
  for (const Second& second : history_) users.push_back(second.users);
  return users;
}

std::vector<double> Recent::p95(const std::string& metric) const {
  std::vector<double> all;
  for (const Second& second : history_) {
    const auto found = second.p95.find(metric);
    all.push_back(found == second.p95.end() ? 0 : found->second);
  }
  return all;
}

}  // namespace utakata::load
