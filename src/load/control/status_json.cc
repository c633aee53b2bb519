#include "load/control/status_json.h"

#include <nlohmann/json.hpp>

#include "load/report/errors.h"
#include "load/report/metric_rows.h"

namespace utakata::load {
namespace {

using Json = nlohmann::json;

Json trend_json(const Trend& trend) {
  if (trend.count() == 0) return nullptr;
  const auto ms = [&](double percent) { return double(trend.percentile(percent)) / 1000; };
  return {{"count", trend.count()}, {"avg", trend.mean() / 1000},
          {"med", ms(50)},          {"p(95)", ms(95)},
          {"p(99)", ms(99)},        {"max", double(trend.max()) / 1000}};
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

// Of all metrics but those that have words of their own.
Json metrics_json(const LoadReport& report, const Recent& recent) {
  Json all = Json::object();
  for (const auto& [name, kind] : report.metrics.kinds()) {
    const auto sum = report.metrics.total(name);
    if (!sum || is_silent(*sum)) continue;
    if (const auto* counter = std::get_if<Counter>(&*sum))
      all[name] = {{"count", counter->sum}, {"per_s", recent.rate(name)}};
    else if (const auto* rate = std::get_if<Rate>(&*sum))
      all[name] = {{"trues", rate->trues}, {"all", rate->all}};
    else if (const auto* trend = std::get_if<Trend>(&*sum))
      all[name] = {{"recent_ms", trend_json(recent.trend(name))}, {"all_ms", trend_json(*trend)}};
    else
      all[name] = {{"value", std::get<Gauge>(*sum).last}};
  }
  return all;
}

Json thresholds_json(const LoadReport& report) {
  Json all = Json::array();
  for (const auto& [threshold, verdict] : report.thresholds)
    all.push_back({{"metric", threshold.metric},
                   {"threshold", threshold.expression},
                   {"is_kept", verdict.is_kept},
                   {"because", verdict.because}});
  return all;
}

}  // namespace

std::string status_json(const LoadReport& so_far, const LoadState& state, const Recent& recent) {
  Json errors = Json::array(), faults = Json::array();
  for (const LoadErrors& one : errors_in(so_far.metrics))
    errors.push_back({{"what", one.words()}, {"count", one.count}});
  for (const LoadFault& one : so_far.faults)
    faults.push_back(
        {{"what", one.what}, {"at", one.at}, {"scenario", one.scenario}, {"count", one.count}});
  const GeneratorHealth& health = so_far.generator;
  const Json status = {
      {"phase", to_text(state.phase)},
      {"is_paused", state.is_paused},
      {"file", so_far.file},
      {"plan", so_far.plan},
      {"elapsed_s", to_seconds(so_far.elapsed)},
      {"plan_time_s", to_seconds(state.plan_time)},
      {"planned_s", so_far.planned > 0s ? Json(to_seconds(so_far.planned)) : Json()},
      {"factor", state.factor},
      {"users", recent.last().users},
      {"users_wanted", or_null(state.users)},
      {"arrivals_wanted_per_s", or_null(state.arrivals)},
      {"sockets", recent.last().sockets},
      {"metrics", metrics_json(so_far, recent)},
      {"thresholds", thresholds_json(so_far)},
      {"errors", std::move(errors)},
      {"faults", std::move(faults)},
      {"lines_not_shown", state.unshown},
      {"generator",
       {{"workers", health.workers},
        {"cpu", recent.last().cpu_max},
        {"lag_ms", recent.last().lag_ms_max},
        {"resident_mb", health.resident_mb}}},
      {"doubts", so_far.doubts}};
  return status.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace utakata::load
