// Reads what to_json() wrote. Each part says where it is wrong: the first that is ends it all.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "load/report/report_json.h"

namespace utakata::load {
namespace {

using Json = nlohmann::json;
using Refused = std::unexpected<Problem>;

constexpr std::size_t list_max = 10'000, depth_max = 8, series_max = 100'000;
constexpr double ms_max = 1e9;  // 11 days: up to there they are nanoseconds exactly
constexpr double whole_max = 9e15;

Refused refused(std::string why) {
  return problem(Problem::Kind::invalid, "This is no report of a load run: " + std::move(why));
}

// What nests deeper costs memory a hundred times its text.
bool is_shallow(std::string_view text) {
  std::size_t depth = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_text && c == '\\') ++i;
    if (c == '"') is_text = !is_text;
    if (is_text) continue;
    if ((c == '{' || c == '[') && ++depth > depth_max) return false;
    if ((c == '}' || c == ']') && depth > 0) --depth;
  }
  return true;
}

// Fields of an object. What is missing or of another kind is nothing from then on, and said once.
class Fields {
 public:
  Fields(const Json& json, std::string path, std::string& wrong)
      : json_(json), path_(std::move(path)), wrong_(wrong) {
    if (!json_.is_object()) blame("", "an object");
  }

  bool truth(const char* name) { return get<bool>(name, "true or false", &Json::is_boolean); }
  std::string text(const char* name) { return get<std::string>(name, "a text", &Json::is_string); }
  double number(const char* name) { return get<double>(name, "a number", &Json::is_number); }
  std::optional<double> number_or_none(const char* name) {
    return has(name) ? std::optional(number(name)) : std::nullopt;
  }
  template <class Whole = std::int64_t>
  Whole whole(const char* name, double least = 0) {
    const double value = number(name);
    if (value == std::floor(value) && value >= least && value <= whole_max) return Whole(value);
    blame(name, "a whole number, as large as it may be");
    return {};
  }
  Duration duration(const char* name) {
    const double ms = number(name);
    if (ms >= 0 && ms <= ms_max) return Duration{std::llround(ms * 1e6)};
    blame(name, "a time of at most 11 days");
    return {};
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> all;
    for (const Json& one : list(name)) {
      if (one.is_string())
        all.push_back(one.get<std::string>());
      else
        blame(name, "a list of texts");
    }
    return all;
  }
  const Json& list(const char* name) { return many(name, "a list", &Json::is_array); }
  const Json& object(const char* name) { return many(name, "an object", &Json::is_object); }
  Fields fields(const char* name) { return {at(name), place(name), wrong_}; }
  // Of each element of a list.
  template <class Read>
  auto each(const char* name, Read read) {
    std::vector<decltype(read(std::declval<Fields&>()))> all;
    const Json& elements = list(name);
    for (std::size_t i = 0; i < elements.size() && wrong_.empty(); ++i) {
      Fields one(elements[i], fmt::format("{}[{}]", place(name), i), wrong_);
      all.push_back(read(one));
    }
    return all;
  }
  void blame(std::string_view name, std::string_view what) {
    if (wrong_.empty()) wrong_ = fmt::format("`{}` is not {}.", place(name), what);
  }

 private:
  bool has(const char* name) const { return json_.is_object() && json_.contains(name); }
  const Json& at(const char* name) const {
    static const Json nothing;
    return has(name) ? json_.at(name) : nothing;
  }
  std::string place(std::string_view name) const {
    if (path_.empty() || name.empty()) return path_ + std::string(name);
    return fmt::format("{}.{}", path_, name);
  }
  template <class Value, class Is>
  Value get(const char* name, const char* what, Is is) {
    if ((at(name).*is)()) return at(name).get<Value>();
    blame(name, what);
    return {};
  }
  template <class Is>
  const Json& many(const char* name, const char* what, Is is) {
    static const Json none = Json::array();
    if ((at(name).*is)() && at(name).size() <= list_max) return at(name);
    blame(name, what);
    return none;
  }

  const Json& json_;
  std::string path_;
  std::string& wrong_;
};

bool are_numbers(const Json& list, std::size_t from) {
  return std::all_of(list.begin() + std::ptrdiff_t(from), list.end(),
                     [](const Json& one) { return one.is_number(); });
}

std::optional<PackedValue> counter_in(const Json& list) {
  if (list.size() != 2 || !are_numbers(list, 1)) return std::nullopt;
  return Counter{list[1].get<double>()};
}

std::optional<PackedValue> rate_in(const Json& list) {
  if (list.size() != 3 || !list[1].is_number_unsigned() || !list[2].is_number_unsigned())
    return std::nullopt;
  const Rate rate{list[1].get<std::uint64_t>(), list[2].get<std::uint64_t>()};
  if (rate.trues > rate.all || rate.all > std::uint64_t(whole_max)) return std::nullopt;
  return rate;
}

std::optional<PackedValue> trend_in(const Json& list) {
  if (list.size() != 2 || !list[1].is_string()) return std::nullopt;
  auto trend = PackedTrend::from(list[1].get_ref<const std::string&>());
  return trend ? std::optional<PackedValue>(std::move(*trend)) : std::nullopt;
}

std::optional<PackedValue> gauge_in(const Json& list) {
  if (list.size() != 4 || !are_numbers(list, 1)) return std::nullopt;
  const Gauge gauge{list[1].get<double>(), list[2].get<double>(), list[3].get<double>(), 1};
  if (!(gauge.min <= gauge.last && gauge.last <= gauge.max)) return std::nullopt;
  return gauge;
}

std::optional<PackedValue> value_in(const Json& list) {
  if (!list.is_array() || list.empty()) return std::nullopt;
  if (list[0] == to_text(MetricKind::counter)) return counter_in(list);
  if (list[0] == to_text(MetricKind::rate)) return rate_in(list);
  if (list[0] == to_text(MetricKind::trend)) return trend_in(list);
  if (list[0] == to_text(MetricKind::gauge)) return gauge_in(list);
  return std::nullopt;
}

LoadPoint point_in(Fields& fields) {
  LoadPoint point;
  point.at = fields.duration("at_ms");
  point.length = fields.duration("length_ms");
  if (point.length <= 0s) fields.blame("length_ms", "more than nothing");
  point.users = fields.whole("users");
  point.sockets = fields.whole("sockets");
  point.cpu_max = fields.number("cpu_max");
  point.lag_ms_max = fields.number("lag_ms_max");
  for (const auto& [name, list] : fields.object("measured").items()) {
    auto value = value_in(list);
    if (value && series_name(name, {}))
      point.measured.emplace(name, std::move(*value));
    else
      fields.blame("measured", "what metrics measure");
  }
  for (const auto& [words, count] : fields.object("errors").items())
    if (count.is_number())
      point.errors.emplace(words, count.get<double>());
    else
      fields.blame("errors", "numbers");
  return point;
}

LoadFault fault_in(Fields& fields) {
  return {.scenario = fields.text("scenario"),
          .what = fields.text("what"),
          .at = fields.text("at"),
          .stack = fields.text("stack"),
          .count = fields.whole<std::uint64_t>("count")};
}

ThresholdVerdict threshold_in(Fields& fields) {
  ThresholdVerdict one;
  auto threshold = threshold_from(fields.text("metric"), fields.text("expression"));
  if (threshold)
    one.threshold = std::move(*threshold);
  else
    fields.blame("expression", "a threshold");
  one.threshold.aborts_run = fields.truth("aborts_run");
  one.verdict = {.is_kept = fields.truth("is_kept"),
                 .measured = fields.number_or_none("measured"),
                 .because = fields.text("because")};
  return one;
}

Strain strain_in(Fields fields) {
  return {.worker = fields.whole("worker", -1),
          .total = fields.duration("total_ms"),
          .longest = fields.duration("longest_ms")};
}

GeneratorHealth health_in(Fields fields) {
  return {.workers = fields.whole("workers"),
          .workers_lost = fields.whole("workers_lost"),
          .watched = fields.duration("watched_ms"),
          .cpu_max = fields.number("cpu_max"),
          .lag_ms_max = fields.number("lag_ms_max"),
          .gc_share_max = fields.number("gc_share_max"),
          .late_ms_max = fields.number("late_ms_max"),
          .backlog_bytes_max = fields.number("backlog_bytes_max"),
          .resident_mb = fields.number("resident_mb"),
          .cpu = strain_in(fields.fields("cpu")),
          .lag = strain_in(fields.fields("lag")),
          .gc = strain_in(fields.fields("gc")),
          .late = strain_in(fields.fields("late")),
          .backlog = strain_in(fields.fields("backlog"))};
}

LoadEnd end_in(Fields& fields) {
  const std::string words = fields.text("end");
  for (const LoadEnd end : {LoadEnd::done, LoadEnd::stopped, LoadEnd::aborted, LoadEnd::broken})
    if (words == to_text(end)) return end;
  fields.blame("end", "one of the ways in which a run ends");
  return {};
}

bool is_in_order(const std::vector<LoadPoint>& points) {
  for (std::size_t i = 1; i < points.size(); ++i)
    if (points[i].at < points[i - 1].at + points[i - 1].length) return false;
  return true;
}

}  // namespace

Expected<LoadReport> report_from_json(std::string_view text) {
  if (text.size() > report_bytes_max) return refused("it is larger than 64 MB.");
  if (!is_shallow(text)) return refused("it is nested too deeply.");
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return refused("it is not JSON.");
  std::string wrong;
  Fields fields(json, "", wrong);
  if (!json.is_object() || fields.text("format") != "utakata-load-report")
    return refused("write one with `utakata load ... --json FILE`.");
  if (fields.whole("version") != 1)
    return refused("it is of a version that is not known here: use the newer `utakata`.");
  LoadReport report;
  report.metrics = Metrics(series_max);
  report.file = fields.text("file");
  report.plan = fields.text("plan");
  report.started = WallTime{std::chrono::milliseconds{fields.whole("started_ms", -whole_max)}};
  report.planned = fields.duration("planned_ms");
  report.elapsed = fields.duration("elapsed_ms");
  report.end = end_in(fields);
  report.doubts = fields.texts("doubts");
  report.notes = fields.texts("notes");
  report.thresholds = fields.each("thresholds", threshold_in);
  report.faults = fields.each("faults", fault_in);
  report.generator = health_in(fields.fields("generator"));
  report.points = fields.each("points", point_in);
  const Json& recorded = fields.object("recorded");
  if (!is_in_order(report.points)) fields.blame("points", "one after the other");
  if (!wrong.empty()) return refused(wrong);
  if (auto added = report.metrics.add(recorded.dump()); !added)
    return refused("`recorded`: " + added.error().what);
  return report;
}

}  // namespace utakata::load
