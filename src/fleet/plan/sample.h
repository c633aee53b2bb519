// What rules see of one tick: the cluster's numbers, taken once and shared by all of its rules.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/instant.h"
#include "fleet/model/fleet.h"

namespace utakata {

struct Sample {
  Instant at{};
  int serving = 0, starting = 0;  // without the silent ones, whose place a substitute may take
  int capacity = 0;               // connections one instance may hold
  // Of serving instances with a fresh count. Draining ones are not demand: their clients are on
  // their way out.
  std::int64_t connections = 0;
  std::int64_t seats_held = 0;  // of serving instances, whatever is known of their count
  int waiting = 0;              // clients in line for a place
  int lost = 0;  // serving instances, silent ones included, whose count was known once and is stale
  int untold = 0;  // serving instances that have never told a count
  // For each of ClusterSpec::metrics the numbers that trusted serving instances told, in no order.
  // Those without a fresh count, suspects, and numbers that are not finite are left out: unknown is
  // not zero.
  std::vector<std::vector<double>> numbers;

  int size() const { return serving + starting; }
};

// O(instances x metrics).
Sample make_sample(const Fleet& fleet, Instant now, int waiting);

}  // namespace utakata
