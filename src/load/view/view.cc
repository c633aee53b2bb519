#include "load/view/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "load/report/errors.h"
#include "load/report/figures.h"
#include "load/report/metric_rows.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

constexpr std::size_t label_width = 11, figure_width = 9;
constexpr std::size_t trends_max = 6, faults_max = 3, verdicts_max = 6, parts_max = 8;

struct RateWords {
  const char* metric;
  const char* words;
};
constexpr std::array rates = {
    RateWords{"ws_sessions", "connections"}, RateWords{"ws_msgs_sent", "messages out"},
    RateWords{"ws_msgs_received", "messages in"}, RateWords{"http_reqs", "requests"},
    RateWords{"iterations", "iterations"}};

double sum_of(const Metrics& metrics, std::string_view metric, std::span<const Tag> tags = {}) {
  const auto sum = metrics.total(metric, tags);
  const auto* counter = sum ? std::get_if<Counter>(&*sum) : nullptr;
  return counter ? counter->sum : 0;
}

std::string clock_of(const LoadReport& report, const LoadState& state) {
  if (report.planned == 0s) return clock_words(report.elapsed);
  return fmt::format("{} of {}", clock_words(state.plan_time), clock_words(report.planned));
}

std::string users_of(const LoadState& state, double users, std::string_view noun = "") {
  std::string text = number_words(users);
  if (state.users && !state.arrivals) text += " of " + number_words(double(*state.users));
  text += noun;
  if (state.users && state.arrivals)
    text += fmt::format(", {} of them to stay", number_words(double(*state.users)));
  if (state.arrivals) text += fmt::format(", {} to come", per_second_words(*state.arrivals));
  return text;
}

// First the missed ones; those of which nothing is measured yet are none.
std::vector<const ThresholdVerdict*> sorted(const std::vector<ThresholdVerdict>& all) {
  std::vector<const ThresholdVerdict*> list;
  for (const ThresholdVerdict& one : all) list.push_back(&one);
  std::ranges::stable_sort(
      list, {}, [](const auto* one) { return one->verdict.is_kept || !one->verdict.measured; });
  return list;
}

class View {
 public:
  View(const LoadReport& report, const LoadState& state, const Recent& recent, const ViewSize& size)
      : report_(report), state_(state), recent_(recent), size_(size) {}

  std::vector<ViewLine> lines() {
    head();
    names_ = main_trends(report_.metrics);
    if (state_.phase != LoadPhase::loading && state_.phase != LoadPhase::setting_up) {
      bar();
      users();
      doubts();
      trends();
      checks();
      errors();
      verdicts();
      faults();
      parts("scenario", 2);
      parts("instance", 1);
      generator();
    }
    return fitted(std::move(lines_), size_.rows > 1 ? size_.rows - 1 : 1);
  }

 private:
  ViewLine& line(Rank rank) { return lines_.emplace_back(size_, rank); }
  ViewLine& labelled(std::string_view label, Rank rank) {
    return line(rank).cell(label, label_width, Tone::dim);
  }
  void gap() { line(Rank::rest); }

  void head() {
    ViewLine& top = line(Rank::head).add(report_.file, Tone::bold).add("  ");
    if (state_.is_paused)
      top.add("paused", Tone::warn);
    else
      top.add(to_text(state_.phase));
    if (report_.elapsed > 0s) top.add("  " + clock_of(report_, state_));
    if (state_.factor != 1) top.add(fmt::format("  x {:.3g}", state_.factor), Tone::warn);
    const bool is_ending =
        state_.phase == LoadPhase::stopping || state_.phase == LoadPhase::tearing_down;
    const std::string_view keys = is_ending ? "q again: at once"
                                  : state_.is_paused
                                      ? "space goes on, q stops"
                                      : "space pauses, + and - change the users, q stops";
    if (top.left() > keys.size() + 2)
      top.add(std::string(top.left() - keys.size(), ' ')).add(keys, Tone::dim);
    if (!report_.plan.empty()) line(Rank::rest).add(report_.plan, Tone::dim);
  }

  void bar() {
    if (report_.planned == 0s) return;
    const double part =
        std::clamp(to_seconds(state_.plan_time) / to_seconds(report_.planned), 0.0, 1.0);
    const std::string percent = fmt::format(" {:3.0f} %", std::floor(part * 100));
    if (size_.columns < percent.size() + 10) return;
    const std::size_t width = size_.columns - percent.size();
    const auto full = std::size_t(part * double(width));
    std::string done, rest;
    for (std::size_t i = 0; i < width; ++i) (i < full ? done : rest) += i < full ? "█" : "░";
    line(Rank::head).add(done).add(rest, Tone::dim).add(percent);
  }

  void users() {
    gap();
    ViewLine& first = labelled("users", Rank::head);
    first.cell(users_of(state_, double(recent_.last().users)), 28).add("  ");
    first.add(sparkline(recent_.users(), first.left()), Tone::dim);
    labelled("sockets", Rank::figures).add(number_words(double(recent_.last().sockets)));
    ViewLine& second = labelled("a second", Rank::figures);
    std::string_view between;
    for (const auto& [metric, words] : rates) {
      if (sum_of(report_.metrics, metric) == 0) continue;
      second.add(between).add(
          fmt::format("{} {}", number_words(std::round(recent_.rate(metric))), words));
      between = ", ";
    }
    if (between.empty()) second.add("nothing yet", Tone::dim);
  }

  void doubts() {
    for (const std::string& doubt : report_.doubts) {
      if (&doubt == report_.doubts.data())
        line(Rank::warning).add("! The generator is what is slow, not the servers:", Tone::warn);
      line(Rank::warning).add("  " + doubt, Tone::warn);
    }
  }

  // Side by side where there is room: of the last seconds, and in all.
  void trends() {
    if (names_.empty()) return;
    const std::span names = std::span(names_).first(std::min(names_.size(), trends_max));
    std::size_t widest = 0;
    for (const std::string& name : names) widest = std::max(widest, name.size());
    const bool is_wide = size_.columns >= 96;
    const bool is_narrow = size_.columns < 60;
    const std::size_t name_width = std::clamp<std::size_t>(widest + 2, 12, is_narrow ? 16 : 24);
    const std::size_t recent = is_narrow ? 2 : 4, all = is_wide ? 4 : is_narrow ? 0 : 1;
    gap();
    line(Rank::figures)
        .cell("", name_width)
        .figure(fmt::format("last {} s", Recent::window), recent * figure_width, Tone::dim)
        .figure(all > 0 ? "in all" : "", all * figure_width + 2, Tone::dim);
    ViewLine& titles = line(Rank::figures).cell("", name_width);
    add_figures(titles, {"med", "p(95)", "p(99)", "max"}, recent, Tone::dim);
    titles.add("  ");
    add_figures(titles, {"med", "p(95)", "p(99)", "max"}, all, Tone::dim);
    for (const std::string& name : names) {
      ViewLine& row = line(Rank::figures).cell(name, name_width);
      add_figures(row, figures(recent_.trend(name)), recent);
      row.add("  ");
      const auto sum = report_.metrics.total(name);
      add_figures(row, figures(std::get<Trend>(*sum)), all);
      if (row.left() >= 10)  // a shorter one tells nothing
        row.add("  ").add(sparkline(recent_.p95(name), row.left() - 2), Tone::dim);
    }
  }

  using Figures = std::array<std::string, 4>;
  static Figures figures(const Trend& trend) {
    if (trend.count() == 0) return {"-", "-", "-", "-"};
    const auto at = [&](double percent) { return time_words(double(trend.percentile(percent))); };
    return {at(50), at(95), at(99), time_words(double(trend.max()))};
  }
  // All, p(95) and max, or p(95).
  static void add_figures(ViewLine& to, const Figures& figures, std::size_t count,
                          Tone tone = Tone::plain) {
    for (std::size_t i = 0; i < figures.size(); ++i)
      if (count == 4 || (i == 1 && count > 0) || (i == 3 && count == 2))
        to.figure(figures[i], figure_width, tone);
  }

  void checks() {
    const auto rows = checks_in(report_.metrics);
    if (rows.empty()) return;
    Rate all;
    for (const CheckRow& row : rows) all.trues += row.rate.trues, all.all += row.rate.all;
    const bool is_good = all.trues == all.all;
    ViewLine& one = labelled("checks", Rank::trouble)
                        .add(share_words(all.share()), is_good ? Tone::good : Tone::bad)
                        .add(" of " + number_words(double(all.all)));
    if (!is_good)
      one.add(fmt::format(", worst: {} of {} failed: ", number_words(double(rows[0].failed())),
                          number_words(double(rows[0].rate.all))))
          .add(rows[0].name);
  }

  void errors() {
    const auto all = errors_in(report_.metrics);
    if (all.empty()) return;
    ViewLine& one = labelled("errors", Rank::trouble);
    for (const LoadErrors& kind : all)
      one.add(&kind == all.data() ? "" : ", ")
          .add(number_words(kind.count), Tone::bad)
          .add(" " + kind.words());
  }

  void verdicts() {
    const auto all = sorted(report_.thresholds);
    for (std::size_t i = 0; i < std::min(all.size(), verdicts_max); ++i) {
      const Verdict& verdict = all[i]->verdict;
      const bool is_missed = !verdict.is_kept && verdict.measured;
      ViewLine& one =
          labelled(i == 0 ? "thresholds" : "", is_missed ? Rank::trouble : Rank::verdicts);
      if (verdict.measured)
        one.add(verdict.is_kept ? "✓ " : "✗ ", verdict.is_kept ? Tone::good : Tone::bad)
            .add(verdict.because);
      else
        one.add("? " + verdict.because, Tone::dim);
    }
    if (all.size() > verdicts_max)
      labelled("", Rank::verdicts)
          .add(fmt::format("and {} more", all.size() - verdicts_max), Tone::dim);
  }

  void faults() {
    for (std::size_t i = 0; i < std::min(report_.faults.size(), faults_max); ++i) {
      const LoadFault& fault = report_.faults[i];
      ViewLine& one = labelled(i == 0 ? "faults" : "", Rank::trouble);
      one.add(number_words(double(fault.count)), Tone::bad).add(" x " + fault.what);
      if (!fault.at.empty()) one.add("  " + fault.at, Tone::dim);
    }
    if (report_.faults.size() > faults_max)
      labelled("", Rank::parts)
          .add(fmt::format("and {} more", report_.faults.size() - faults_max), Tone::dim);
  }

  // A row for each value of that tag, where there are so many of them at least; those with most
  // errors first.
  void parts(const std::string& tag, std::size_t least) {
    std::map<std::string, double> errors;
    for (const auto& [key, series] : report_.metrics.series())
      for (const Tag& one : series.name.tags)
        if (one.name == tag) errors[one.value] += errors_of(series);
    if (errors.size() < least) return;
    std::vector<std::pair<std::string, double>> values(errors.begin(), errors.end());
    std::ranges::stable_sort(values, std::greater{}, &std::pair<std::string, double>::second);
    gap();
    ViewLine& titles = line(Rank::parts).cell(tag, 24, Tone::dim);
    for (const char* const title : {"done", "a second", "errors", "p(95)", "max"})
      titles.figure(title, 10, Tone::dim);
    for (std::size_t i = 0; i < std::min(values.size(), parts_max); ++i)
      part(values[i].first, {{tag, values[i].first}}, values[i].second);
    if (values.size() > parts_max)
      line(Rank::parts).add(fmt::format("and {} more", values.size() - parts_max), Tone::dim);
  }

  // What an iteration takes, or else the first trend that has this tag.
  void part(const std::string& name, const Tags& tags, double failed) {
    std::optional<MetricValue> trend = report_.metrics.total("iteration_duration", tags);
    for (const std::string& metric : names_) {
      if (trend) break;
      trend = report_.metrics.total(metric, tags);
    }
    const Trend* const known = trend ? std::get_if<Trend>(&*trend) : nullptr;
    const double iterations = sum_of(report_.metrics, "iterations", tags);
    const bool is_of_iterations = iterations > 0;
    const double done = is_of_iterations ? iterations : known ? double(known->count()) : 0;
    line(Rank::parts)
        .cell(name, 24)
        .figure(number_words(done), 10)
        .figure(is_of_iterations ? number_words(std::round(recent_.rate("iterations", tags))) : "-",
                10)
        .figure(number_words(failed), 10, failed > 0 ? Tone::bad : Tone::plain)
        .figure(known && known->count() > 0 ? time_words(double(known->percentile(95))) : "-", 10)
        .figure(known && known->count() > 0 ? time_words(double(known->max())) : "-", 10);
  }

  static double errors_of(const Metrics::Series& series) {
    const auto* counter = std::get_if<Counter>(&series.value);
    const std::string& metric = series.name.metric;
    const bool is_error = metric == "errors" || metric == "http_errors" || metric == "ws_errors";
    return counter && is_error ? counter->sum : 0;
  }

  void generator() {
    gap();
    const GeneratorHealth& health = report_.generator;
    labelled("generator", Rank::rest)
        .add(fmt::format("{}, the busiest uses {:.2f} cores and is late by {}, {} in all",
                         times_words(double(health.workers), "worker"), recent_.last().cpu_max,
                         time_words(recent_.last().lag_ms_max * 1000),
                         bytes_words(health.resident_mb * 1'048'576)));
    if (state_.unshown > 0)
      labelled("printed", Rank::trouble)
          .add(fmt::format("{} of the scenario are not shown: they were too many",
                           times_words(double(state_.unshown), "line")),
               Tone::warn);
  }

  const LoadReport& report_;
  const LoadState& state_;
  const Recent& recent_;
  const ViewSize size_;
  std::vector<std::string> names_;  // of the trends
  std::vector<ViewLine> lines_;
};

}  // namespace

std::vector<ViewLine> view_of(const LoadReport& so_far, const LoadState& state,
                              const Recent& recent, const ViewSize& size) {
  return View(so_far, state, recent, size).lines();
}

std::string progress_line(const LoadReport& so_far, const LoadState& state, const Recent& recent) {
  std::string text = fmt::format("{}: {}, {} sockets", clock_of(so_far, state),
                                 users_of(state, double(recent.last().users), " users"),
                                 number_words(double(recent.last().sockets)));
  if (state.is_paused) text = "paused at " + text;
  for (const auto& [metric, words] : rates)
    if (sum_of(so_far.metrics, metric) > 0)
      text += fmt::format(", {} {}/s", number_words(std::round(recent.rate(metric))), words);
  if (const auto names = main_trends(so_far.metrics); !names.empty())
    if (const Trend trend = recent.trend(names[0]); trend.count() > 0)
      text += fmt::format(", p(95) of `{}` {}", names[0], time_words(double(trend.percentile(95))));
  if (const auto errors = errors_in(so_far.metrics); !errors.empty())
    text += fmt::format(", {} x {}", number_words(errors[0].count), errors[0].words());
  return harmless(text);
}

}  // namespace utakata::load
