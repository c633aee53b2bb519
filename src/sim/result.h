// What a simulated day was like: totals, a series for charts, and the decisions with their reasons.
// Values; filled in by run.h, shown by the reports.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/activity.h"
#include "sim/faults.h"

namespace utakata {

struct SimSample {  // a moment of one cluster; about 600 of them a run, evenly spaced
  Duration at{};    // since the beginning
  int wanted = 0, starting = 0, serving = 0, draining = 0;
  std::int64_t wishing =
      0;  // people who want to be connected: connected, or asking again and again
  std::int64_t connections = 0;  // in truth
  std::int64_t capacity = 0;     // of those that serve
  std::int64_t refused = 0;      // answers "come back later", since the sample before
  std::int64_t cut = 0;  // connections ended that nobody wanted to end, since the sample before
};

struct SimCuts {
  std::int64_t by_faults = 0;    // of what the faults killed or froze
  std::int64_t by_healing = 0;   // condemned by us after a silence
  std::int64_t by_deadline = 0;  // of a drain
  std::int64_t by_scaling = 0;   // promised to be none
};

struct SimCluster {
  std::string name;
  std::vector<SimSample> samples;
  double instance_hours = 0;
  double cost = 0;              // 0 where no price is known
  std::int64_t arrivals = 0;    // people
  std::int64_t placements = 0;  // granted
  std::int64_t refused = 0;
  Duration waited_p50{}, waited_p99{},
      waited_most{};  // from a person's first question to being connected
  SimCuts cuts;
  std::int64_t sent_away = 0;  // asked to go elsewhere by an instance that was told to
  int launches = 0, drains = 0, heals = 0, serving_most = 0;
};

// How often each kind of fault struck while an instance was in each lifecycle up to stopping: its
// victim, or, where it has none, any.
using SimStruck = std::array<std::array<int, 4>, kFaultKinds>;

struct SimFault {
  Duration at{};
  std::string what;  // "SIGKILL to game-3 with 41 clients"
};

struct SimResult {
  std::string stack, load;  // names
  std::uint64_t seed = 0;
  Duration length{};
  WallTime began{};      // what the simulated wall clock showed
  std::string currency;  // empty: no price
  std::vector<SimCluster> clusters;
  std::vector<Activity> activities;  // of the controller, in order
  std::vector<SimFault> faults;
  SimStruck struck{};
  std::map<std::string, std::int64_t> tested;  // by promise ("1 no cut"): how often it mattered
  std::vector<std::string>
      broken;  // promises: "1 no cut: game-4 was stopped at 12m3s with 3 clients on it"
  double took_seconds = 0;  // of the real clock
};

}  // namespace utakata
