// What `export const load = {...}` of a scenario file asks for. Pure.
//
//   users: 100, duration: '5m'                                         closed: whoever is done
//   begins anew users: 100, iterations: 3                                          ... three times
//   each users: { stages: [{ duration: '30s', target: 100 }, ...] }         ... in ramps from
//   start: 0 stages: [...]                                                      the same, as k6 has
//   it arrivals: '50/s', duration: '5m'                                   open: they come, done or
//   not arrivals: { stages: [{ duration: '1m', target: '100/s', step: true }], start: '10/s' }
//   scenarios: { fans: { exec: 'fan', weight: 80 }, ... }              share the users by weight,
//   or scenarios: { fans: { exec: 'fan', users: 10, duration: '1m' },     each have their own
//                late: { arrivals: '1/s', duration: '5m', start_after: '30s' } }
//   thresholds: { echo: ['p(95)<500', { threshold: 'max<2s', abort_on_fail: true }] }
//   graceful_stop: '30s', tags: { release: 'v2' }
//
// Times are written '30s', '1h30m' or as seconds; rates '50/s', '90/m', '5/h' or as a number a
// second.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "load/pacing/arrivals.h"
#include "load/pacing/population.h"
#include "load/statistics/series_name.h"
#include "load/statistics/thresholds.h"

namespace utakata::load {

struct ClosedModel {
  std::vector<PopulationStage> stages;       // one that lasts Duration::max(): until all are done
  std::optional<std::int64_t> iterations{};  // of each user, at most
  bool operator==(const ClosedModel&) const = default;
};
struct OpenModel {
  std::vector<ArrivalStage> stages;
  bool operator==(const OpenModel&) const = default;
};
using LoadModel = std::variant<ClosedModel, OpenModel>;

struct LoadScenario {
  std::string name = "default";
  std::string exec = "user";  // the function that is exported under this name; user: by default
  int weight = 1;             // as in Mix
  Tags tags{};
  bool operator==(const LoadScenario&) const = default;
};

// Users who come by one schedule.
struct LoadFlow {
  LoadModel model;
  std::vector<LoadScenario> scenarios;  // they share the users by weight; at least one
  Duration start_after{};
  bool operator==(const LoadFlow&) const = default;
};

struct LoadPlan {
  std::vector<LoadFlow> flows;        // at least one
  std::vector<Threshold> thresholds;  // whether there are such metrics is not known here: fits()
  Duration graceful_stop{30s};        // for who is still busy at the end
  Tags tags{};                        // of everything measured
  bool operator==(const LoadPlan&) const = default;
};

struct PlanMistake {
  std::string path;  // "load.stages[2].duration"
  std::string what;  // a sentence with the remedy
  bool operator==(const PlanMistake&) const = default;
};

// All mistakes at once, 100 at most. `json`: that object without its
// functions, as JSON.stringify() writes it; 256 KB at most.
std::expected<LoadPlan, std::vector<PlanMistake>> read_load_plan(std::string_view json);
// A line for each: "scenario.mjs: load.stages[2].duration: `duration` must be ...".
std::string to_text(std::span<const PlanMistake> mistakes, std::string_view file);

// From its start_after until nobody comes any more; nothing: until all iterations are done.
std::optional<Duration> length(const LoadModel& model);
// One line for people: "ramps to 1,000 users in 30 s, holds 5 min: 80 % fans, 20 % pollers".
std::string to_text(const LoadPlan& plan);

}  // namespace utakata::load
