// What rules see of one tick: the cluster's numbers, taken once and shared by all of its rules.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/fleet.h"
#include "fleet/model/observation.h"
#include "fleet/model/plan.h"
#include "fleet/plan/boot_times.h"

namespace utakata {

struct Sample {
  Instant at{};
  WallTime wall{};                // for `at:` alone
  int serving = 0, starting = 0;  // without the silent ones, whose place a substitute may take
  int capacity = 0;               // connections one instance may hold
  // Draining instances are not demand: their clients are on their way out. The silent are not in
  // `serving`.
  std::int64_t connections = 0;  // of serving instances with a fresh count
  std::int64_t connections_silent =
      0;                        // the last counts of silent ones: these clients will be back
  std::int64_t seats_held = 0;  // of serving instances
  int waiting = 0;              // clients in line for a place
  std::int64_t granted = 0;     // seats that placement gave out, since the controller's start
  std::int64_t accepted = 0;    // clients that the instances have taken, of those that tell it
  int told = 0;                 // serving instances with a fresh count
  int lost = 0;                 // those whose count was known and is stale
  int untold = 0;               // those that never told one to this life of the controller
  // For each of ClusterSpec::metrics the numbers that trusted serving instances told, in no order.
  // Those without a fresh count, suspects, and numbers that are not finite are left out: unknown is
  // not zero.
  std::vector<std::vector<double>> numbers;
  // What looks ahead. Pointers are valid during the push only.
  const BootTimes* boots = nullptr;
  Duration boot_unmeasured{30s};  // taken for a boot while none is measured
  const std::vector<FunctionAnswer>* answers = nullptr;
  const std::vector<ShowState>* shows = nullptr;

  int size() const { return serving + starting; }
};

// O(instances x metrics). `boots` outlives the sample.
Sample make_sample(const Fleet& fleet, const Observation& seen, const BootTimes& boots);

}  // namespace utakata
