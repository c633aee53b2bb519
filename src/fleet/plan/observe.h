// Observation in, the fleet as now known out. Pure. Decides nothing: what to do about it is heal's,
// drain's and scale's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/observation.h"
#include "fleet/plan/backoff.h"
#include "fleet/plan/departures.h"
#include "fleet/plan/ladder.h"

namespace utakata {

// A change that came from the world, to be recorded.
struct Outcome {
  Instance instance;  // as it is after the change
  // launched found ready launch_failed gone; twin: `instance` has not changed, or is not known;
  // host_lost zone_lost host_back: without one
  std::string kind;
  std::string because;
  std::optional<int> cut;  // of gone: clients by the last count, where it was not empty
};

// Instances that are gone leave `fleet`, so indices move: `seen.sights` and `seen.seats` are read
// before that. `flow`: what became of the connections is added to it.
// `ladder` has seen its hosts.
std::vector<Outcome> observe(Fleet& fleet, Backoff& backoff, Ladder& ladder,
                             const Observation& seen, Flow& flow);

}  // namespace utakata
