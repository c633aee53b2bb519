#include "load/report/report_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "load/report/errors.h"
#include "load/report/figures.h"
#include "load/report/metric_rows.h"

namespace utakata::load {
namespace {

constexpr std::size_t lines_max = 6, latency_charts_max = 8, percentile_lines_max = 6;

using ValueOf = std::function<double(const LoadPoint&)>;  // NaN: none

// All charts over time of one report.
class Course {
 public:
  explicit Course(const LoadReport& report) : points_(report.points) {
    if (!points_.empty()) length_ = points_.back().at + points_.back().length;
    ticks_ = time_ticks(length_);
  }

  // What counts at a point's end is drawn there, what is measured in it in its middle.
  enum class Place : std::uint8_t { middle, end };
  Chart chart(std::string title, ChartUnit unit, Place place = Place::middle) const {
    Chart chart{.title = std::move(title), .unit = unit, .ticks = ticks_};
    for (const LoadPoint& point : points_) {
      const Duration at = point.at + (place == Place::end ? point.length : point.length / 2);
      chart.x.push_back(length_ > 0s ? to_seconds(at) / to_seconds(length_) : 0);
      const std::string end = clock_words(point.at + point.length);
      chart.x_words.push_back(place == Place::end ? end : clock_words(point.at) + " to " + end);
    }
    return chart;
  }
  void add(Chart& chart, std::string name, const ValueOf& value_of, std::string colour = "") const {
    if (colour.empty()) colour = fmt::format("c{}", chart.lines.size() + 1);
    ChartLine line{.name = std::move(name), .colour = std::move(colour), .values = {}};
    for (const LoadPoint& point : points_) line.values.push_back(value_of(point));
    chart.lines.push_back(std::move(line));
  }
  // How much a second of a counter; where it did not come it is 0.
  void add_rate(Chart& chart, const std::string& metric, const std::string& name) const {
    add(chart, name, [&](const LoadPoint& point) {
      const auto* counter = value_in<Counter>(point, metric);
      return (counter != nullptr ? counter->sum : 0) / to_seconds(point.length);
    });
  }
  template <class Value>
  static const Value* value_in(const LoadPoint& point, const std::string& metric) {
    const auto found = point.measured.find(metric);
    return found == point.measured.end() ? nullptr : std::get_if<Value>(&found->second);
  }
  const std::vector<LoadPoint>& points() const { return points_; }

 private:
  const std::vector<LoadPoint>& points_;
  Duration length_{};
  std::vector<ChartTick> ticks_;
};

bool is_ours(std::string_view metric) {
  return metric.starts_with("ws_") || metric.starts_with("http_") || metric.starts_with("data_") ||
         metric.starts_with("iteration") || is_of_errors(metric);
}

std::vector<std::string> own_metrics(const LoadReport& report, MetricKind kind) {
  std::vector<std::string> names;
  for (const auto& [name, its] : report.metrics.kinds())
    if (its == kind && !is_ours(name) && names.size() < lines_max) names.push_back(name);
  return names;
}

Chart users_chart(const Course& course) {
  Chart chart = course.chart("Users and sockets", ChartUnit::number, Course::Place::end);
  course.add(chart, "users", [](const LoadPoint& point) { return double(point.users); });
  course.add(chart, "sockets", [](const LoadPoint& point) { return double(point.sockets); });
  return chart;
}

Chart rates_chart(const Course& course, std::string title, ChartUnit unit,
                  const std::vector<std::pair<std::string, std::string>>& metrics) {
  Chart chart = course.chart(std::move(title), unit);
  for (const auto& [metric, name] : metrics)
    if (std::ranges::any_of(course.points(), [&](const LoadPoint& point) {
          return Course::value_in<Counter>(point, metric) != nullptr;
        }))
      course.add_rate(chart, metric, name);
  return chart;
}

Chart own_rates_chart(const Course& course, const LoadReport& report) {
  std::vector<std::pair<std::string, std::string>> metrics;
  for (const auto& name : own_metrics(report, MetricKind::counter))
    metrics.emplace_back(name, name);
  return rates_chart(course, "Counted by the scenario", ChartUnit::per_second, metrics);
}

Chart shares_chart(const Course& course, const LoadReport& report) {
  Chart chart = course.chart("Shares that were true", ChartUnit::share);
  std::vector<std::string> names = own_metrics(report, MetricKind::rate);
  if (report.metrics.kinds().contains("http_req_failed")) names.push_back("http_req_failed");
  for (const auto& name : names)
    course.add(chart, name, [&](const LoadPoint& point) {
      const auto* rate = Course::value_in<Rate>(point, name);
      return rate != nullptr ? rate->share() : NAN;
    });
  return chart;
}

Chart gauges_chart(const Course& course, const LoadReport& report) {
  Chart chart = course.chart("Gauges of the scenario", ChartUnit::number, Course::Place::end);
  for (const auto& name : own_metrics(report, MetricKind::gauge))
    course.add(chart, name, [&](const LoadPoint& point) {
      const auto* gauge = Course::value_in<Gauge>(point, name);
      return gauge != nullptr ? gauge->last : NAN;
    });
  return chart;
}

Chart errors_chart(const Course& course) {
  Chart chart = course.chart("Errors a second", ChartUnit::per_second);
  chart.if_nothing = "There were none.";
  std::map<std::string, double> sums;
  for (const LoadPoint& point : course.points())
    for (const auto& [words, count] : point.errors) sums[words] += count;
  std::vector<std::pair<double, std::string>> most;
  for (const auto& [words, count] : sums) most.emplace_back(count, words);
  std::ranges::stable_sort(most, std::greater{}, [](const auto& one) { return one.first; });
  if (most.size() > lines_max) most.resize(lines_max);
  for (const auto& [count, words] : most)
    course.add(chart, words, [&](const LoadPoint& point) {
      const auto found = point.errors.find(words);
      return (found == point.errors.end() ? 0 : found->second) / to_seconds(point.length);
    });
  return chart;
}

Chart generator_cpu_chart(const Course& course) {
  Chart chart = course.chart("The generator: cores used by its busiest worker", ChartUnit::number);
  course.add(chart, "cores", [](const LoadPoint& point) { return point.cpu_max; });
  return chart;
}

Chart generator_lag_chart(const Course& course) {
  Chart chart = course.chart("The generator: how late it answered", ChartUnit::microseconds);
  course.add(chart, "its worst worker",
             [](const LoadPoint& point) { return point.lag_ms_max * 1000; });
  return chart;
}

Chart latency_chart(const Course& course, const std::string& metric) {
  Chart chart = course.chart(metric, ChartUnit::microseconds);
  std::vector<std::optional<Trend>> trends;
  for (const LoadPoint& point : course.points()) {
    const auto* packed = Course::value_in<PackedTrend>(point, metric);
    trends.push_back(packed != nullptr ? std::optional(packed->unpacked()) : std::nullopt);
  }
  constexpr std::pair<const char*, double> percents[] = {{"p99", 99}, {"p95", 95}, {"p50", 50}};
  for (const auto& [name, percent] : percents) {
    std::size_t i = 0;
    course.add(
        chart, name,
        [&](const LoadPoint&) {
          const auto& trend = trends[i++];
          return trend ? double(trend->percentile(percent)) : NAN;
        },
        name);
  }
  return chart;
}

}  // namespace

std::vector<Chart> course_charts(const LoadReport& report) {
  const Course course(report);
  return {
      users_chart(course),
      rates_chart(course, "Messages a second", ChartUnit::per_second,
                  {{"ws_msgs_received", "received"}, {"ws_msgs_sent", "sent"}}),
      rates_chart(course, "Requests, connections and iterations a second", ChartUnit::per_second,
                  {{"http_reqs", "HTTP requests"},
                   {"ws_sessions", "WebSockets opened"},
                   {"iterations", "iterations"}}),
      errors_chart(course)};
}

std::vector<Chart> other_charts(const LoadReport& report) {
  const Course course(report);
  return {rates_chart(course, "Traffic", ChartUnit::bytes_per_second,
                      {{"data_received", "received"}, {"data_sent", "sent"}}),
          shares_chart(course, report),
          own_rates_chart(course, report),
          gauges_chart(course, report),
          generator_cpu_chart(course),
          generator_lag_chart(course)};
}

std::vector<Chart> latency_charts(const LoadReport& report) {
  const Course course(report);
  std::vector<Chart> charts;
  for (const auto& metric : main_trends(report.metrics))
    if (charts.size() < latency_charts_max) charts.push_back(latency_chart(course, metric));
  return charts;
}

Chart percentile_chart(const LoadReport& report) {
  constexpr int steps = 16;  // of a power of ten
  Chart chart{.title = "How many were faster",
              .unit = ChartUnit::microseconds,
              .is_logarithmic = true,
              .is_maximum_told = false};
  std::vector<std::pair<std::string, Trend>> trends;
  std::uint64_t most = 0;
  for (const auto& metric : main_trends(report.metrics)) {
    if (trends.size() >= percentile_lines_max) break;
    trends.emplace_back(metric, std::get<Trend>(*report.metrics.total(metric)));
    most = std::max(most, trends.back().second.count());
  }
  // Up to where one value is left above, of the metric that has most.
  const int powers =
      std::clamp(int(std::ceil(std::log10(double(std::max<std::uint64_t>(most, 10))))), 1, 6);
  for (const auto& [name, trend] : trends)
    chart.lines.push_back({name, fmt::format("c{}", chart.lines.size() + 1), {}});
  for (int i = 0; i <= powers * steps; ++i) {
    const double above = std::pow(10, -double(i) / steps);
    chart.x.push_back(double(i) / (powers * steps));
    chart.x_words.push_back(fmt::format("{:.6g} %", 100 * (1 - above)));
    for (std::size_t line = 0; line < trends.size(); ++line) {
      const Trend& trend = trends[line].second;
      const bool is_known = above * double(trend.count()) >= 0.999;
      chart.lines[line].values.push_back(is_known ? double(trend.percentile(100 * (1 - above)))
                                                  : NAN);
    }
  }
  for (int power = 0; power <= powers; ++power)
    chart.ticks.push_back(
        {double(power) / powers,
         fmt::format("{:.{}f} %", 100 * (1 - std::pow(10, -power)), std::max(0, power - 2))});
  return chart;
}

}  // namespace utakata::load
