// The death of a host, or of all hosts of a zone, as one fact. Pure.
#pragma once

#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/plan/ladder.h"
#include "fleet/plan/observe.h"

namespace utakata {

// Owned by one cluster's Planner.
class HostLoss {
 public:
  // Called before those that died with it leave the fleet. Outcomes of no instance: `host_lost`,
  // `zone_lost` where the zone has no host left, of hosts on which this cluster has instances, once
  // each; `host_back` of such a one.
  std::vector<Outcome> see(const Fleet& fleet, const Ladder& ladder);

 private:
  std::vector<Host> told_;  // lost ones
};

}  // namespace utakata
