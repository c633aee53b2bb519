#include "load/statistics/thresholds.h"

#include <fmt/format.h>

#include "base/text.h"

namespace utakata::load {
namespace {

using Aggregation = Threshold::Aggregation;
using Comparison = Threshold::Comparison;

std::optional<double> measured_in(const Threshold& threshold, const Counter& counter,
                                  Duration elapsed) {
  if (threshold.aggregation != Aggregation::rate) return counter.sum;
  if (elapsed <= 0s) return std::nullopt;
  return counter.sum / to_seconds(elapsed);
}

std::optional<double> measured_in(const Threshold&, const Rate& rate, Duration) {
  return rate.all == 0 ? std::nullopt : std::optional(rate.share());
}

std::optional<double> measured_in(const Threshold& threshold, const Trend& trend, Duration) {
  if (threshold.aggregation == Aggregation::count) return double(trend.count());
  if (trend.count() == 0) return std::nullopt;
  switch (threshold.aggregation) {
    case Aggregation::avg:
      return trend.mean() / 1000;
    case Aggregation::min:
      return double(trend.min()) / 1000;
    case Aggregation::med:
      return double(trend.percentile(50)) / 1000;
    case Aggregation::max:
      return double(trend.max()) / 1000;
    case Aggregation::percentile:
      return double(trend.percentile(threshold.percent)) / 1000;
    case Aggregation::count:
    case Aggregation::rate:
    case Aggregation::value:
      break;
  }
  return std::nullopt;
}

std::optional<double> measured_in(const Threshold& threshold, const Gauge& gauge, Duration) {
  if (gauge.turn == 0) return std::nullopt;
  if (threshold.aggregation == Aggregation::min) return gauge.min;
  if (threshold.aggregation == Aggregation::max) return gauge.max;
  return gauge.last;
}

bool holds(double value, Comparison comparison, double limit) {
  switch (comparison) {
    case Comparison::below:
      return value < limit;
    case Comparison::at_most:
      return value <= limit;
    case Comparison::above:
      return value > limit;
    case Comparison::at_least:
      return value >= limit;
    case Comparison::equal:
      return value == limit;
    case Comparison::unequal:
      return value != limit;
  }
  return false;
}

}  // namespace

Verdict judge(const Threshold& threshold, const Metrics& metrics, Duration elapsed) {
  auto total = metrics.total(threshold.of.metric, threshold.of.tags);
  // None of its series has the tags: none was counted.
  if (const auto kind = metrics.kinds().find(threshold.of.metric);
      !total && kind != metrics.kinds().end() && kind->second == MetricKind::counter)
    total = Counter{};
  Verdict verdict;
  if (total)
    verdict.measured = std::visit(
        [&](const auto& value) { return measured_in(threshold, value, elapsed); }, *total);
  const std::string subject =
      fmt::format("{} of {}", word_of(threshold), in_ticks(threshold.metric));
  if (!verdict.measured) {
    verdict.because = fmt::format("{}: nothing was measured.", subject);
    return verdict;
  }
  const bool is_time =
      kind_of(*total) == MetricKind::trend && threshold.aggregation != Aggregation::count;
  const char* unit = is_time ? " ms" : "";
  verdict.is_kept = holds(*verdict.measured, threshold.comparison, threshold.limit);
  verdict.because = fmt::format("{} is {:.7g}{}, {}{} {:.7g}{}.", subject, *verdict.measured, unit,
                                verdict.is_kept ? "" : "not ", sign_of(threshold.comparison),
                                threshold.limit, unit);
  return verdict;
}

}  // namespace utakata::load
