#include "load/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "load/report/errors.h"
#include "load/report/figures.h"
#include "load/report/metric_rows.h"
#include "load/report/timeline.h"

namespace utakata::load {
namespace {

using Unit = ComparedFigure::Unit;

constexpr double noise_share = 0.02;     // of a figure: two runs on one machine differ by as much
constexpr double noise_points = 0.001;   // of shares
constexpr double standard_errors = 3;    // one in 370 is beyond it by chance
constexpr std::size_t stretches = 8;     // long enough that one does not follow from the last
constexpr double stretch_errors = 4;     // of eight: one in 190 is beyond it by chance
constexpr double values_above_min = 10;  // a percentile
constexpr double length_share = 0.1;     // by which two runs may differ in length

enum class Good : std::uint8_t { less, more, neither };

// A figure of a metric: what it is of a value that was measured in so many seconds.
struct Figure {
  std::string name;
  Unit unit;
  Good good;
  double percent = 0;  // of a trend's

  double of(const MetricValue& value, Duration length) const {
    if (const auto* trend = std::get_if<Trend>(&value)) return double(trend->percentile(percent));
    if (const auto* rate = std::get_if<Rate>(&value)) return rate->share();
    if (const auto* counter = std::get_if<Counter>(&value))
      return length > 0s ? counter->sum / to_seconds(length) : 0;
    return std::get<Gauge>(value).last;
  }
};

bool is_bad_by_name(std::string_view metric) {
  return metric.contains("fail") || metric.contains("error") || metric.contains("interrupted") ||
         metric.contains("dropped");
}

std::vector<Figure> figures_of(const std::string& metric, MetricKind kind) {
  const Good good = is_bad_by_name(metric) ? Good::less : Good::neither;
  switch (kind) {
    case MetricKind::trend:
      return {{"med", Unit::microseconds, Good::less, 50},
              {"p(95)", Unit::microseconds, Good::less, 95},
              {"p(99)", Unit::microseconds, Good::less, 99}};
    case MetricKind::rate:
      return {{"share", Unit::share, good}};
    case MetricKind::counter:
      return {{"a second", is_of_bytes(metric) ? Unit::bytes_per_second : Unit::per_second, good}};
    case MetricKind::gauge:
      return {{"last", Unit::number, good}};
  }
  return {};
}

// What a figure was in each of eight stretches; nothing: too few points have it.
std::vector<double> course_of(const LoadReport& report, const std::string& metric,
                              const Figure& figure) {
  std::vector<const LoadPoint*> points;
  for (const LoadPoint& point : report.points)
    if (point.measured.contains(metric)) points.push_back(&point);
  std::vector<double> course;
  if (points.size() < stretches) return course;
  for (std::size_t i = 0; i < stretches; ++i) {
    std::size_t at = points.size() * i / stretches;
    MetricValue all = unpacked(points[at]->measured.at(metric));
    Duration length = points[at]->length;
    while (++at < points.size() * (i + 1) / stretches) {
      merge(all, unpacked(points[at]->measured.at(metric)));
      length += points[at]->length;
    }
    course.push_back(figure.of(all, length));
  }
  return course;
}

// The standard error of how far two runs are apart.
double error_between(const std::vector<double>& before, const std::vector<double>& after) {
  if (before.size() != after.size() || before.empty()) return 0;
  const double count = double(before.size());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) sum += after[i] - before[i];
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double off = after[i] - before[i] - sum / count;
    squares += off * off;
  }
  return std::sqrt(squares / (count - 1) / count);
}

Judgement judged(double before, double after, double noise, Good good) {
  if (std::abs(after - before) <= noise) return Judgement::same;
  if (good == Good::neither) return Judgement::changed;
  return (after < before) == (good == Good::less) ? Judgement::better : Judgement::worse;
}

// Three standard errors of a percentile: those of its rank among so many values, as times.
double rank_error(const Trend& trend, double percent) {
  const double count = double(trend.count()), share = percent / 100;
  const double ranks = standard_errors * std::sqrt(count * share * (1 - share));
  const auto at = [&](double rank) { return double(trend.percentile(100 * rank / count)); };
  return (at(share * count + ranks) - at(share * count - ranks)) / 2;
}

bool is_too_few(const MetricValue& value, double percent) {
  const auto* trend = std::get_if<Trend>(&value);
  return trend != nullptr && double(trend->count()) * (100 - percent) / 100 < values_above_min;
}

double noise_of(const Rate& before, const Rate& after) {
  const auto squared = [](const Rate& rate) {
    return rate.all == 0 ? 0 : rate.share() * (1 - rate.share()) / double(rate.all);
  };
  return std::max(noise_points, standard_errors * std::sqrt(squared(before) + squared(after)));
}

class Comparing {
 public:
  Comparing(const LoadReport& before, const LoadReport& after) : before_(before), after_(after) {}

  RunComparison all() {
    warn();
    checks();
    metrics();
    errors();
    return std::move(all_);
  }

 private:
  void warn() {
    auto& warnings = all_.warnings;
    for (const auto& [name, run] : {std::pair{"first", &before_}, {"second", &after_}}) {
      if (!run->is_valid())
        warnings.push_back(fmt::format(
            "The {} run is not valid: its figures are not the servers'. {}", name, run->doubts[0]));
      if (run->end != LoadEnd::done)
        warnings.push_back(fmt::format("The {} run was {} after {}.", name, to_text(run->end),
                                       duration_words(run->elapsed)));
    }
    if (before_.plan != after_.plan)
      warnings.push_back(fmt::format("They had different plans: {} and {}.", in_ticks(before_.plan),
                                     in_ticks(after_.plan)));
    const double longer = to_seconds(std::max(before_.elapsed, after_.elapsed));
    if (std::abs(to_seconds(before_.elapsed - after_.elapsed)) > length_share * longer)
      warnings.push_back(fmt::format("One took {}, the other {}.", duration_words(before_.elapsed),
                                     duration_words(after_.elapsed)));
  }

  void checks() {
    std::map<std::string, std::pair<Rate, Rate>> rates;
    for (const CheckRow& row : checks_in(before_.metrics)) rates[row.name].first = row.rate;
    for (const CheckRow& row : checks_in(after_.metrics)) rates[row.name].second = row.rate;
    for (const auto& [name, both] : rates) {
      const auto& [before, after] = both;
      ComparedFigure one{.group = "Checks", .metric = name, .figure = "share", .unit = Unit::share};
      if (before.all > 0) one.before = before.share();
      if (after.all > 0) one.after = after.share();
      one.judgement = one.before && one.after
                          ? judged(*one.before, *one.after, noise_of(before, after), Good::more)
                          : Judgement::changed;
      all_.figures.push_back(std::move(one));
    }
  }

  // In the order of the first run; what only the second has comes last.
  void metrics() {
    std::map<std::pair<std::string, std::string>, bool> seen;
    for (const LoadReport* run : {&before_, &after_})
      for (const MetricGroup& group : metric_groups(*run))
        for (const MetricRow& row : group.rows)
          if (row.part.empty() && !std::exchange(seen[{group.title, row.metric}], true))
            metric(group.title, row.metric);
  }

  void metric(const std::string& group, const std::string& name) {
    auto before = before_.metrics.total(name), after = after_.metrics.total(name);
    if (before && is_silent(*before)) before.reset();
    if (after && is_silent(*after)) after.reset();
    const MetricKind kind = kind_of(before ? *before : *after);
    if (before && after && kind_of(*after) != kind) after.reset();  // another one of that name
    for (const Figure& figure : figures_of(name, kind)) {
      ComparedFigure one{
          .group = group, .metric = name, .figure = figure.name, .unit = figure.unit};
      if (before) one.before = figure.of(*before, before_.elapsed);
      if (after) one.after = figure.of(*after, after_.elapsed);
      one.judgement =
          before && after ? judge_figure(one, figure, *before, *after) : Judgement::changed;
      all_.figures.push_back(std::move(one));
    }
  }

  Judgement judge_figure(const ComparedFigure& one, const Figure& figure, const MetricValue& before,
                         const MetricValue& after) const {
    if (is_too_few(before, figure.percent) || is_too_few(after, figure.percent))
      return Judgement::too_few;
    double noise = noise_share * std::abs(*one.before);
    if (const auto* rate = std::get_if<Rate>(&before))
      noise = noise_of(*rate, std::get<Rate>(after));
    if (const auto* trend = std::get_if<Trend>(&before))
      noise = std::max(noise, std::hypot(rank_error(*trend, figure.percent),
                                         rank_error(std::get<Trend>(after), figure.percent)));
    if (kind_of(before) != MetricKind::gauge)
      noise =
          std::max(noise, stretch_errors * error_between(course_of(before_, one.metric, figure),
                                                         course_of(after_, one.metric, figure)));
    return judged(*one.before, *one.after, noise, figure.good);
  }

  void errors() {
    std::map<std::string, std::pair<double, double>> counts;
    for (const LoadErrors& one : errors_in(before_.metrics)) counts[one.words()].first = one.count;
    for (const LoadErrors& one : errors_in(after_.metrics)) counts[one.words()].second = one.count;
    const double before_s = std::max(1e-9, to_seconds(before_.elapsed));
    const double after_s = std::max(1e-9, to_seconds(after_.elapsed));
    for (const auto& [words, count] : counts) {
      const double before = count.first / before_s, after = count.second / after_s;
      // As of any that come by chance: the variance of a count is the count.
      const double noise = standard_errors * std::sqrt(before / before_s + after / after_s);
      all_.figures.push_back({.group = "Errors",
                              .metric = words,
                              .figure = "a second",
                              .unit = Unit::per_second,
                              .before = before,
                              .after = after,
                              .judgement = judged(before, after, noise, Good::less)});
    }
  }

  const LoadReport &before_, &after_;
  RunComparison all_;
};

}  // namespace

std::string_view to_text(Judgement judgement) {
  switch (judgement) {
    case Judgement::better:
      return "better";
    case Judgement::worse:
      return "worse";
    case Judgement::same:
      return "same";
    case Judgement::changed:
      return "changed";
    case Judgement::too_few:
      return "too few";
  }
  return "?";
}

std::optional<double> ComparedFigure::change() const {
  if (!before || !after || *before == 0) return std::nullopt;
  return (*after - *before) / std::abs(*before);
}

std::size_t RunComparison::count(Judgement judgement) const {
  return std::size_t(std::ranges::count(figures, judgement, &ComparedFigure::judgement));
}

RunComparison compare(const LoadReport& before, const LoadReport& after) {
  return Comparing(before, after).all();
}

}  // namespace utakata::load
