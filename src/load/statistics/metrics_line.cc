// What goes from a worker to its parent:
//   {"dropped":0,"counters":[["name{tag=value}",12]],"rates":[["name",3,4]],
//    "trends":[["name","base64 of a histogram"]],"gauges":[["name",5,1,9],["not set yet"]]}
// rates: trues, all. gauges: last, min, max; in the order in which they were set.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "load/statistics/metrics.h"

namespace utakata::load {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t count_max = std::uint64_t{1} << 48;  // a sum of lines does not run over
constexpr const char* list_names[] = {"counters", "rates", "trends", "gauges"};

Json entry_of(const std::string& key, const Counter& counter) { return {key, counter.sum}; }
Json entry_of(const std::string& key, const Rate& rate) { return {key, rate.trues, rate.all}; }
Json entry_of(const std::string& key, const Trend& trend) { return {key, trend.encode()}; }
Json entry_of(const std::string& key, const Gauge& gauge) {
  if (gauge.turn == 0) return Json::array({key});
  return {key, gauge.last, gauge.min, gauge.max};
}

void clear(Counter& counter) { counter = {}; }
void clear(Rate& rate) { rate = {}; }
void clear(Trend& trend) { trend.clear(); }  // its memory is used again
void clear(Gauge& gauge) { gauge = {}; }

// Of an entry that is not what it should be: nothing.
std::optional<std::uint64_t> whole(const Json& entry, std::size_t at) {
  if (!entry[at].is_number_unsigned() || entry[at].get<std::uint64_t>() > count_max)
    return std::nullopt;
  return entry[at].get<std::uint64_t>();
}

std::optional<MetricValue> counter_in(const Json& entry) {
  if (entry.size() != 2 || !entry[1].is_number()) return std::nullopt;
  return Counter{entry[1].get<double>()};
}

std::optional<MetricValue> rate_in(const Json& entry) {
  if (entry.size() != 3) return std::nullopt;
  const auto trues = whole(entry, 1), all = whole(entry, 2);
  if (!trues || !all || *trues > *all) return std::nullopt;
  return Rate{*trues, *all};
}

std::optional<MetricValue> trend_in(const Json& entry) {
  if (entry.size() != 2 || !entry[1].is_string()) return std::nullopt;
  auto trend = Histogram::decode(entry[1].get_ref<const std::string&>());
  return trend ? std::optional<MetricValue>(std::move(*trend)) : std::nullopt;
}

std::optional<MetricValue> gauge_in(const Json& entry) {
  if (entry.size() == 1) return Gauge{};
  if (entry.size() != 4) return std::nullopt;
  for (std::size_t i = 1; i < 4; ++i)
    if (!entry[i].is_number()) return std::nullopt;
  const Gauge gauge{entry[1].get<double>(), entry[2].get<double>(), entry[3].get<double>(), 1};
  if (!(gauge.min <= gauge.last && gauge.last <= gauge.max)) return std::nullopt;
  return gauge;
}

std::optional<MetricValue> value_in(MetricKind kind, const Json& entry) {
  switch (kind) {
    case MetricKind::counter:
      return counter_in(entry);
    case MetricKind::rate:
      return rate_in(entry);
    case MetricKind::trend:
      return trend_in(entry);
    case MetricKind::gauge:
      return gauge_in(entry);
  }
  return std::nullopt;
}

std::unexpected<Problem> refused(std::string why) {
  return problem(Problem::Kind::invalid, "This is no line of measurements: " + why);
}

Expected<std::vector<MetricNews>> news_in(const Json& line) {
  std::vector<MetricNews> news;
  for (const auto kind :
       {MetricKind::counter, MetricKind::rate, MetricKind::trend, MetricKind::gauge}) {
    const char* list = list_names[std::size_t(kind)];
    const auto entries = line.find(list);
    if (entries == line.end() || !entries->is_array())
      return refused(fmt::format("it has no list `{}`.", list));
    for (const Json& entry : *entries) {
      const bool has_key = entry.is_array() && !entry.empty() && entry[0].is_string();
      auto value = has_key ? value_in(kind, entry) : std::nullopt;
      if (!value)
        return refused(fmt::format("one of its `{}` is not as take() writes them.", list));
      auto name = series_of_key(entry[0].get_ref<const std::string&>());
      if (!name) return refused(name.error().what);
      news.push_back({std::move(*name), std::move(*value)});
    }
  }
  return news;
}

std::string line_of(const Metrics::AllSeries& all, std::uint64_t dropped, bool is_only_news) {
  Json lists[4] = {Json::array(), Json::array(), Json::array(), Json::array()};
  std::vector<std::pair<std::uint64_t, Json>> gauges;
  for (const auto& [key, series] : all) {
    if (is_only_news && !series.is_news) continue;
    Json entry = std::visit([&](const auto& value) { return entry_of(key, value); }, series.value);
    if (const auto* gauge = std::get_if<Gauge>(&series.value))
      gauges.emplace_back(gauge->turn, std::move(entry));
    else
      lists[series.value.index()].push_back(std::move(entry));
  }
  std::ranges::stable_sort(gauges, {}, [](const auto& gauge) { return gauge.first; });
  for (auto& gauge : gauges)
    lists[std::size_t(MetricKind::gauge)].push_back(std::move(gauge.second));
  Json line{{"dropped", dropped}};
  for (std::size_t i = 0; i < 4; ++i) line[list_names[i]] = std::move(lists[i]);
  return line.dump();
}

}  // namespace

std::string Metrics::take() {
  std::string line = line_of(series_, std::exchange(dropped_, 0), true);
  for (auto& [key, series] : series_)
    if (std::exchange(series.is_news, false))
      std::visit([](auto& value) { clear(value); }, series.value);
  return line;
}

std::string Metrics::line() const { return line_of(series_, dropped_, false); }

// Kinds must be those that are known here, and one for each name within the line, too.
Expected<void> Metrics::fits(std::span<const MetricNews> news) const {
  std::map<std::string_view, MetricKind> told;
  for (const auto& [name, value] : news) {
    const auto ours = kinds_.find(name.metric);
    const auto kind = ours != kinds_.end()
                          ? ours->second
                          : told.try_emplace(name.metric, kind_of(value)).first->second;
    if (kind != kind_of(value))
      return problem(Problem::Kind::conflict,
                     fmt::format("`{}` is a {} here, and was told as a {}: all workers must run "
                                 "the same scenario.",
                                 name.metric, to_text(kind), to_text(kind_of(value))));
  }
  return {};
}

Expected<void> Metrics::add(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return refused("it is not an object of JSON.");
  const auto dropped = line.find("dropped");
  if (dropped == line.end() || !dropped->is_number_unsigned() ||
      dropped->get<std::uint64_t>() > count_max)
    return refused("its `dropped` is not a number.");
  auto news = news_in(line);
  if (!news) return std::unexpected(std::move(news.error()));
  if (auto fit = fits(*news); !fit) return fit;
  dropped_ += dropped->get<std::uint64_t>();
  for (MetricNews& one : *news) {
    const auto id = id_of(kind_of(one.value), std::move(one.name));
    if (!id || id->index == MetricId::nowhere) {
      ++dropped_;
      continue;
    }
    Series& series = *by_id_[id->index];
    if (auto* gauge = std::get_if<Gauge>(&one.value); gauge && gauge->turn != 0)
      gauge->turn = ++turn_;
    merge(series.value, one.value);
    series.is_news = true;
  }
  return {};
}

}  // namespace utakata::load
