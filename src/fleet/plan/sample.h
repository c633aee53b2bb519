// What rules see of one tick: the cluster's numbers, taken once and shared by all of its rules.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/instant.h"
#include "fleet/model/fleet.h"
#include "fleet/model/observation.h"

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
  int told = 0;                 // serving instances with a fresh count
  int lost = 0;                 // those whose count was known and is stale
  int untold = 0;               // those that never told one to this life of the controller
  // For each of ClusterSpec::metrics the numbers that trusted serving instances told, in no order.
  // Those without a fresh count, suspects, and numbers that are not finite are left out: unknown is
  // not zero.
  std::vector<std::vector<double>> numbers;

  int size() const { return serving + starting; }
};

// O(instances x metrics).
Sample make_sample(const Fleet& fleet, const Observation& seen);

}  // namespace utakata
