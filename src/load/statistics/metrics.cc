#include "load/statistics/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace utakata::load {
namespace {

constexpr double number_max = std::numeric_limits<double>::max();  // infinity has no JSON

void merge_same(Counter& to, const Counter& more) {
  to.sum = std::clamp(to.sum + more.sum, -number_max, number_max);
}
void merge_same(Rate& to, const Rate& more) { to.trues += more.trues, to.all += more.all; }
void merge_same(Trend& to, const Trend& more) { to.merge(more); }
void merge_same(Gauge& to, const Gauge& more) {
  if (more.turn == 0) return;
  const bool is_first = to.turn == 0;
  to.min = is_first ? more.min : std::min(to.min, more.min);
  to.max = is_first ? more.max : std::max(to.max, more.max);
  if (more.turn >= to.turn) to.last = more.last, to.turn = more.turn;
}

MetricValue nothing_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return Counter{};
    case MetricKind::rate:
      return Rate{};
    case MetricKind::trend:
      return Trend{};
    case MetricKind::gauge:
      return Gauge{};
  }
  check(false, "a metric is of one of the four kinds");
  return {};
}

}  // namespace

std::string_view to_text(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::rate:
      return "rate";
    case MetricKind::trend:
      return "trend";
    case MetricKind::gauge:
      return "gauge";
  }
  return "?";
}

MetricKind kind_of(const MetricValue& value) { return MetricKind(value.index()); }

void merge(MetricValue& to, const MetricValue& more) {
  std::visit(
      [&](auto& into) { merge_same(into, std::get<std::remove_cvref_t<decltype(into)>>(more)); },
      to);
}

Expected<MetricId> Metrics::id(MetricKind kind, std::string_view metric,
                               std::span<const Tag> tags) {
  auto name = series_name(metric, tags);
  if (!name) return std::unexpected(std::move(name.error()));
  return id_of(kind, std::move(*name));
}

Expected<MetricId> Metrics::id_of(MetricKind kind, SeriesName name) {
  const auto known = kinds_.find(name.metric);
  if (known != kinds_.end() && known->second != kind)
    return problem(Problem::Kind::conflict,
                   fmt::format("`{}` is a {} and cannot be a {}, too: give one another name.",
                               name.metric, to_text(known->second), to_text(kind)));
  std::string key = key_of(name);
  if (const auto found = series_.find(key); found != series_.end()) return found->second.id;
  if (by_id_.size() >= series_max_) return MetricId{};
  const MetricId id{std::uint32_t(by_id_.size())};
  kinds_.try_emplace(name.metric, kind);
  Series& added = series_[std::move(key)];
  added = {.name = std::move(name), .value = nothing_of(kind), .id = id};
  by_id_.push_back(&added);
  return id;
}

template <class Kind>
Kind* Metrics::at(MetricId id) {
  if (id.index == MetricId::nowhere) {
    ++dropped_;
    return nullptr;
  }
  check(id.index < by_id_.size(), "a metric's id is from the Metrics that it is used with");
  Series& series = *by_id_[id.index];
  Kind* value = std::get_if<Kind>(&series.value);
  check(value != nullptr, "a metric is recorded as the kind that it is");
  series.is_news = true;
  return value;
}

void Metrics::count(MetricId id, double by) {
  if (!std::isfinite(by)) return void(++dropped_);
  if (auto* counter = at<Counter>(id)) merge_same(*counter, {by});
}

void Metrics::rate(MetricId id, bool is_true) {
  auto* rate = at<Rate>(id);
  if (rate == nullptr) return;
  rate->trues += is_true;
  ++rate->all;
}

void Metrics::trend(MetricId id, std::int64_t us) {
  if (auto* trend = at<Trend>(id)) trend->record(us);
}

void Metrics::gauge(MetricId id, double value) {
  if (!std::isfinite(value)) return void(++dropped_);
  if (auto* gauge = at<Gauge>(id))
    merge_same(*gauge, {.last = value, .min = value, .max = value, .turn = ++turn_});
}

std::optional<MetricValue> Metrics::total(std::string_view metric,
                                          std::span<const Tag> tags) const {
  std::optional<MetricValue> all;
  for (const auto& [key, series] : series_) {
    if (series.name.metric != metric || !series.name.has(tags)) continue;
    if (!all) all = nothing_of(kind_of(series.value));
    merge(*all, series.value);
  }
  return all;
}

}  // namespace utakata::load
