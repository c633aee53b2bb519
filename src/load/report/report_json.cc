#include "load/report/report_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/report/metric_rows.h"

namespace utakata::load {
namespace {

using Json = nlohmann::ordered_json;

double ms_of(Duration duration) { return double(duration.count()) / 1e6; }
double finite(double number) { return std::isfinite(number) ? number : 0; }

// As k6's summary export has them.
Json words_of(const MetricValue& value, Duration elapsed) {
  if (const auto* trend = std::get_if<Trend>(&value)) {
    Json words{{"count", trend->count()}, {"avg", trend->mean() / 1000}};
    words["min"] = double(trend->min()) / 1000;
    words["med"] = double(trend->percentile(50)) / 1000;
    words["max"] = double(trend->max()) / 1000;
    for (const auto& [name, percent] :
         {std::pair{"p(90)", 90.0}, {"p(95)", 95.0}, {"p(99)", 99.0}, {"p(99.9)", 99.9}})
      words[name] = double(trend->percentile(percent)) / 1000;
    return words;
  }
  if (const auto* rate = std::get_if<Rate>(&value))
    return {{"value", rate->share()}, {"passes", rate->trues}, {"fails", rate->all - rate->trues}};
  if (const auto* counter = std::get_if<Counter>(&value)) {
    const double seconds = to_seconds(elapsed);
    return {{"count", counter->sum}, {"rate", seconds > 0 ? finite(counter->sum / seconds) : 0}};
  }
  const auto& gauge = std::get<Gauge>(value);
  return {{"value", gauge.last}, {"min", gauge.min}, {"max", gauge.max}};
}

Json metrics_of(const LoadReport& report) {
  Json all = Json::object();
  for (const MetricGroup& group : metric_groups(report))
    for (const MetricRow& row : group.rows)
      all[row.part.empty() ? row.metric : row.metric + "{" + row.part + "}"] =
          words_of(row.value, report.elapsed);
  return all;
}

Json checks_of(const LoadReport& report) {
  Json all = Json::object();
  for (const CheckRow& row : checks_in(report.metrics))
    all[row.name] = {{"passes", row.rate.trues}, {"fails", row.failed()}};
  return all;
}

Json json_of(const PackedValue& value) {
  if (const auto* trend = std::get_if<PackedTrend>(&value)) return {"trend", trend->text()};
  if (const auto* rate = std::get_if<Rate>(&value)) return {"rate", rate->trues, rate->all};
  if (const auto* counter = std::get_if<Counter>(&value)) return {"counter", counter->sum};
  const auto& gauge = std::get<Gauge>(value);
  return {"gauge", gauge.last, gauge.min, gauge.max};
}

Json json_of(const LoadPoint& point) {
  Json measured = Json::object(), errors = Json::object();
  for (const auto& [name, value] : point.measured) measured[name] = json_of(value);
  for (const auto& [words, count] : point.errors) errors[words] = finite(count);
  return {{"at_ms", ms_of(point.at)},
          {"length_ms", ms_of(point.length)},
          {"users", point.users},
          {"sockets", point.sockets},
          {"cpu_max", finite(point.cpu_max)},
          {"lag_ms_max", finite(point.lag_ms_max)},
          {"measured", std::move(measured)},
          {"errors", std::move(errors)}};
}

Json json_of(const LoadFault& fault) {
  return {{"scenario", fault.scenario},
          {"what", fault.what},
          {"at", fault.at},
          {"stack", fault.stack},
          {"count", fault.count}};
}

Json json_of(const ThresholdVerdict& one) {
  Json json{{"metric", one.threshold.metric},
            {"expression", one.threshold.expression},
            {"aborts_run", one.threshold.aborts_run},
            {"is_kept", one.verdict.is_kept},
            {"because", one.verdict.because}};
  if (one.verdict.measured) json["measured"] = finite(*one.verdict.measured);
  return json;
}

Json json_of(const Strain& strain) {
  return {{"worker", strain.worker},
          {"total_ms", ms_of(strain.total)},
          {"longest_ms", ms_of(strain.longest)}};
}

Json json_of(const GeneratorHealth& health) {
  return {{"workers", health.workers},
          {"workers_lost", health.workers_lost},
          {"watched_ms", ms_of(health.watched)},
          {"cpu_max", finite(health.cpu_max)},
          {"lag_ms_max", finite(health.lag_ms_max)},
          {"gc_share_max", finite(health.gc_share_max)},
          {"late_ms_max", finite(health.late_ms_max)},
          {"backlog_bytes_max", finite(health.backlog_bytes_max)},
          {"resident_mb", finite(health.resident_mb)},
          {"cpu", json_of(health.cpu)},
          {"lag", json_of(health.lag)},
          {"gc", json_of(health.gc)},
          {"late", json_of(health.late)},
          {"backlog", json_of(health.backlog)}};
}

template <class One>
Json list_of(const std::vector<One>& all) {
  Json list = Json::array();
  for (const One& one : all) list.push_back(json_of(one));
  return list;
}

}  // namespace

std::string to_json(const LoadReport& report) {
  const Json json{{"format", "utakata-load-report"},
                  {"version", 1},
                  {"file", report.file},
                  {"plan", report.plan},
                  {"started", utakata::to_text(report.started)},
                  {"started_ms", to_ms(report.started)},
                  {"planned_ms", ms_of(report.planned)},
                  {"elapsed_ms", ms_of(report.elapsed)},
                  {"end", to_text(report.end)},
                  {"is_kept", report.is_kept()},
                  {"is_valid", report.is_valid()},
                  {"doubts", report.doubts},
                  {"notes", report.notes},
                  {"thresholds", list_of(report.thresholds)},
                  {"checks", checks_of(report)},
                  {"metrics", metrics_of(report)},
                  {"faults", list_of(report.faults)},
                  {"generator", json_of(report.generator)},
                  {"recorded", Json::parse(report.metrics.line())},
                  {"points", list_of(report.points)}};
  // A fault's words are a stranger's: what is no UTF-8 in them is replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace utakata::load
