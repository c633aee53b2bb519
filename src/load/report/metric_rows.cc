#include "load/report/metric_rows.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "load/report/errors.h"

namespace utakata::load {
namespace {

constexpr std::size_t instances_max = 8;  // of a metric: a table is to be read
constexpr std::array<std::string_view, 4> titles = {"Scenario", "WebSockets", "HTTP", "Traffic"};
constexpr std::array<std::string_view, 11> phases = {
    "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_sending",
    "http_req_waiting", "http_req_receiving",  "ws_tcp_connecting",        "ws_tls_handshaking",
    "ws_handshaking",   "ws_tcp_handshaking",  "ws_first_message"};

bool is_phase(std::string_view metric) { return std::ranges::find(phases, metric) != phases.end(); }

std::size_t group_of(std::string_view metric) {
  if (metric.starts_with("ws_")) return 1;
  if (metric.starts_with("http_")) return 2;
  if (metric.starts_with("data_")) return 3;
  return 0;
}

// Trends are what one looks for first; of them the whole comes before its phases, and the
// scenario's own words before ours.
int order_of(std::string_view metric, MetricKind kind) {
  const bool is_ours = metric.starts_with("iteration");
  switch (kind) {
    case MetricKind::trend:
      return is_phase(metric) ? 2 : is_ours ? 1 : 0;
    case MetricKind::rate:
      return 3;
    case MetricKind::counter:
      return is_ours ? 5 : 4;
    case MetricKind::gauge:
      return 6;
  }
  return 7;
}

// How bad it is: what is shown first where not all is.
double badness(const MetricValue& value) {
  if (const auto* trend = std::get_if<Trend>(&value)) return double(trend->percentile(95));
  if (const auto* rate = std::get_if<Rate>(&value)) return rate->share();
  if (const auto* counter = std::get_if<Counter>(&value)) return counter->sum;
  return std::get<Gauge>(value).last;
}

class Rows {
 public:
  explicit Rows(const LoadReport& report) : report_(report) {
    for (const auto& [key, series] : report.metrics.series())
      for (const Tag& tag : series.name.tags)
        if (tag.name == "scenario" || tag.name == "instance") values_[tag.name].insert(tag.value);
  }

  void add(const std::string& metric, std::vector<MetricRow>& into) const {
    auto sum = report_.metrics.total(metric);
    if (!sum || is_silent(*sum)) return;
    const std::size_t first = into.size();
    into.push_back({metric, "", std::move(*sum)});
    if (!is_phase(metric)) {
      if (count_of("scenario") > 1) add_parts(metric, "scenario", into);
      if (count_of("instance") > 0) add_parts(metric, "instance", into);
    }
    for (const auto& [threshold, verdict] : report_.thresholds)
      if (threshold.of.metric == metric && !threshold.of.tags.empty())
        add_part(metric, threshold.of.tags, first, into);
  }

 private:
  std::size_t count_of(const std::string& tag) const {
    const auto found = values_.find(tag);
    return found == values_.end() ? 0 : found->second.size();
  }

  static std::string name_of(const Tags& tags) {
    std::string text;
    for (const Tag& tag : tags) text += (text.empty() ? "" : ", ") + tag.name + "=" + tag.value;
    return text;
  }

  // Unless it is among those from `first` on already.
  void add_part(const std::string& metric, const Tags& tags, std::size_t first,
                std::vector<MetricRow>& into) const {
    auto part = report_.metrics.total(metric, tags);
    const std::string name = name_of(tags);
    const bool is_there = std::ranges::find(into.begin() + std::ptrdiff_t(first), into.end(), name,
                                            &MetricRow::part) != into.end();
    if (part && !is_silent(*part) && !is_there) into.push_back({metric, name, std::move(*part)});
  }

  void add_parts(const std::string& metric, const std::string& tag,
                 std::vector<MetricRow>& into) const {
    std::vector<MetricRow> parts;
    for (const std::string& value : values_.at(tag)) {
      const Tags tags = {{tag, value}};
      auto part = report_.metrics.total(metric, tags);
      if (part && !is_silent(*part)) parts.push_back({metric, name_of(tags), std::move(*part)});
    }
    const auto worst = [](const MetricRow& row) { return badness(row.value); };
    if (parts.size() > instances_max) {
      std::ranges::stable_sort(parts, std::greater{}, worst);
      parts.resize(instances_max);
    }
    std::ranges::move(parts, std::back_inserter(into));
  }

  const LoadReport& report_;
  std::map<std::string, std::set<std::string>> values_;  // by tag
};

}  // namespace

bool is_silent(const MetricValue& value) {
  if (const auto* counter = std::get_if<Counter>(&value)) return counter->sum == 0;
  if (const auto* rate = std::get_if<Rate>(&value)) return rate->all == 0;
  if (const auto* trend = std::get_if<Trend>(&value)) return trend->count() == 0;
  return std::get<Gauge>(value).turn == 0;
}

bool is_of_bytes(std::string_view metric) {
  return metric == "data_sent" || metric == "data_received" || metric.ends_with("_bytes");
}

std::vector<MetricGroup> metric_groups(const LoadReport& report) {
  std::vector<std::pair<std::string, MetricKind>> metrics;
  for (const auto& [name, kind] : report.metrics.kinds())
    if (name != "checks" && !is_of_errors(name)) metrics.emplace_back(name, kind);
  std::ranges::stable_sort(metrics, {}, [](const auto& one) {
    return std::pair(group_of(one.first), order_of(one.first, one.second));
  });
  const Rows rows(report);
  std::vector<MetricGroup> groups;
  for (const auto& [name, kind] : metrics) {
    const std::string_view title = titles[group_of(name)];
    if (groups.empty() || groups.back().title != title) groups.push_back({std::string(title), {}});
    rows.add(name, groups.back().rows);
  }
  std::erase_if(groups, [](const MetricGroup& group) { return group.rows.empty(); });
  return groups;
}

std::vector<CheckRow> checks_in(const Metrics& metrics) {
  std::map<std::string, Rate> rates;
  for (const auto& [key, series] : metrics.series()) {
    const auto* rate = std::get_if<Rate>(&series.value);
    if (series.name.metric != "checks" || rate == nullptr || rate->all == 0) continue;
    const auto tag = std::ranges::find(series.name.tags, "check", &Tag::name);
    Rate& sum = rates[tag == series.name.tags.end() ? "(without a name)" : tag->value];
    sum.trues += rate->trues;
    sum.all += rate->all;
  }
  std::vector<CheckRow> rows;
  for (const auto& [name, rate] : rates) rows.push_back({name, rate});
  std::ranges::stable_sort(rows, {}, [](const CheckRow& row) { return row.rate.share(); });
  return rows;
}

std::vector<std::string> main_trends(const Metrics& metrics) {
  std::vector<std::string> own, ours;
  for (const auto& [name, kind] : metrics.kinds()) {
    if (kind != MetricKind::trend || is_phase(name)) continue;
    const auto sum = metrics.total(name);
    if (!sum || is_silent(*sum)) continue;
    (group_of(name) == 0 && !name.starts_with("iteration") ? own : ours).push_back(name);
  }
  // http_req_duration, iteration_duration, ws_connecting: the last ones matter least to a server.
  std::ranges::stable_sort(ours, {},
                           [](const std::string& name) { return name.starts_with("iteration"); });
  own.insert(own.end(), ours.begin(), ours.end());
  return own;
}

}  // namespace utakata::load
