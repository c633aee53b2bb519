// Reads thresholds, and says whether they fit the metrics that there are.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ranges>
#include <vector>

#include "base/text.h"
#include "load/statistics/thresholds.h"

namespace utakata::load {
namespace {

using Aggregation = Threshold::Aggregation;
using Comparison = Threshold::Comparison;

constexpr std::size_t expression_bytes_max = 200;

template <class Value>
struct Word {
  std::string_view text;
  Value value;
};

constexpr Word<Aggregation> aggregations[] = {
    {"count", Aggregation::count}, {"rate", Aggregation::rate}, {"value", Aggregation::value},
    {"avg", Aggregation::avg},     {"min", Aggregation::min},   {"med", Aggregation::med},
    {"max", Aggregation::max}};
// The longer first, where one begins with another.
constexpr Word<Comparison> comparisons[] = {
    {"<=", Comparison::at_most}, {">=", Comparison::at_least}, {"===", Comparison::equal},
    {"==", Comparison::equal},   {"!=", Comparison::unequal},  {"<", Comparison::below},
    {">", Comparison::above}};
constexpr Word<double> units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};  // in nanoseconds

class Reader {
 public:
  explicit Reader(std::string_view text) : all_(text), left_(text) { skip_spaces(); }

  bool read(Threshold& into) {
    return aggregation(into) && comparison(into) && limit(into) && left_.empty();
  }
  std::size_t at() const { return all_.size() - left_.size() + 1; }  // from 1

 private:
  void skip_spaces() { left_.remove_prefix(std::min(left_.find_first_not_of(' '), left_.size())); }
  bool skip(std::string_view word) {
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    skip_spaces();
    return true;
  }
  bool number(double& into) {
    double value = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return false;
    into = value;
    left_.remove_prefix(std::size_t(end - left_.data()));
    skip_spaces();
    return true;
  }
  template <class Value>
  bool word(std::span<const Word<Value>> words, Value& into) {
    for (const auto& [text, value] : words)
      if (skip(text)) return into = value, true;
    return false;
  }

  bool aggregation(Threshold& into) {
    if (word<Aggregation>(aggregations, into.aggregation)) return true;
    const std::string_view before = left_;
    if (!skip("p")) return false;
    into.aggregation = Aggregation::percentile;
    if (skip("(") && number(into.percent) && into.percent >= 0 && into.percent <= 100 && skip(")"))
      return true;
    left_ = before;  // all of it is meant to be one word
    return false;
  }
  bool comparison(Threshold& into) { return word<Comparison>(comparisons, into.comparison); }
  bool limit(Threshold& into) {
    if (!number(into.limit)) return false;
    double unit = 0;
    into.has_unit = word<double>(units, unit);
    // By whole numbers: 1.001 s times 1000 would be a little less than the 1001 ms that it is.
    if (into.has_unit) into.limit = std::round(into.limit * unit) / 1e6;
    return std::isfinite(into.limit);
  }

  std::string_view all_, left_;
};

// Such as "`avg`, `min`", those that a metric of that kind has.
std::vector<std::string_view> words_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return {"count", "rate"};
    case MetricKind::rate:
      return {"rate"};
    case MetricKind::trend:
      return {"avg", "min", "med", "max", "p(95)", "count"};
    case MetricKind::gauge:
      return {"value", "min", "max"};
  }
  return {};
}

bool has(MetricKind kind, const Threshold& threshold) {
  const bool is_percentile = threshold.aggregation == Aggregation::percentile;
  const auto words = words_of(kind);
  return std::ranges::find(words, is_percentile ? "p(95)" : word_of(threshold)) != words.end();
}

std::string list_of(std::span<const std::string_view> words, std::size_t most) {
  std::string all;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
    all += fmt::format("{}`{}`", i == 0 ? "" : ", ", words[i]);
  if (words.size() > most) all += fmt::format(" and {} more", words.size() - most);
  return all;
}

Expected<void> no_metric(const Threshold& threshold, const MetricKinds& known) {
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : known) names.push_back(name);
  const auto guess = did_you_mean(threshold.of.metric, names);
  return problem(
      Problem::Kind::not_found,
      fmt::format("The threshold {} is for {}, but there is no such metric{} Known are {}.",
                  in_ticks(threshold.expression), in_ticks(threshold.of.metric),
                  guess.empty() ? "." : guess, names.empty() ? "none" : list_of(names, 30)));
}

}  // namespace

std::string word_of(const Threshold& threshold) {
  if (threshold.aggregation == Aggregation::percentile)
    return fmt::format("p({:g})", threshold.percent);
  return std::string(
      std::ranges::find(aggregations, threshold.aggregation, &Word<Aggregation>::value)->text);
}

std::string_view sign_of(Threshold::Comparison comparison) {
  const auto backwards = comparisons | std::views::reverse;  // `==` rather than `===`
  return std::ranges::find(backwards, comparison, &Word<Comparison>::value)->text;
}

Expected<Threshold> threshold_from(std::string_view metric, std::string_view expression) {
  auto of = series_as_written(metric);
  if (!of) return std::unexpected(std::move(of.error()));
  Threshold threshold{
      .of = std::move(*of), .metric = std::string(metric), .expression = std::string(expression)};
  Reader reader(expression);
  if (expression.size() <= expression_bytes_max && reader.read(threshold)) return threshold;
  return problem(Problem::Kind::invalid,
                 fmt::format("The threshold {} is not understood from character {} on: write "
                             "`count`, `rate`, `value`, `avg`, `min`, `med`, `max` or `p(N)`, then "
                             "`<`, `<=`, `>`, `>=`, `==` or `!=`, then a number, such as "
                             "`p(95)<500` or `rate<0.01`.",
                             in_ticks(expression), reader.at()));
}

Expected<void> fits(const Threshold& threshold, const MetricKinds& known) {
  const auto found = known.find(threshold.of.metric);
  if (found == known.end()) return no_metric(threshold, known);
  const MetricKind kind = found->second;
  if (!has(kind, threshold))
    return problem(
        Problem::Kind::invalid,
        fmt::format("The threshold {} asks `{}` of {}, which is a {}: that has {}.",
                    in_ticks(threshold.expression), word_of(threshold),
                    in_ticks(threshold.of.metric), to_text(kind), list_of(words_of(kind), 9)));
  const bool is_count = threshold.aggregation == Aggregation::count;
  if (threshold.has_unit && (kind != MetricKind::trend || is_count))
    return problem(Problem::Kind::invalid,
                   fmt::format("The threshold {} of {} compares with a time, but its `{}` is "
                               "none: leave the unit out.",
                               in_ticks(threshold.expression), in_ticks(threshold.of.metric),
                               word_of(threshold)));
  return {};
}

}  // namespace utakata::load
