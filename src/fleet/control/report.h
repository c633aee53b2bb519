// What is shown of the fleet, as JSON. Read-only; linear.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/activity.h"
#include "fleet/model/fleet.h"
#include "fleet/model/placement.h"
#include "fleet/model/plan.h"
#include "fleet/model/stack.h"
#include "fleet/plan/planner.h"

namespace utakata {

struct ClusterReport {
  const Planner& planner;
  const Plan& plan;
  const SeatReport& seats;
  bool is_ours = true;
  std::string owner = {};  // the controller's name; empty: there is only one
};

std::string report_status(const Stack& stack, const std::vector<ClusterReport>& clusters,
                          const std::string& run_folder, Instant now);
std::string report_explain(const ClusterReport& cluster, WallTime at, Instant now);
std::string report_activities(const std::vector<Activity>& activities);

}  // namespace utakata
