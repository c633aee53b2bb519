// One instance's service, as the Engine wants it written.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/problem.h"
#include "fleet/provider/provider.h"

namespace utakata {

struct SwarmOrder {
  std::string name, fleet_id, stack;
  std::string instance;
  std::string node;  // the id of the one it is bound to
  Address address;
  bool publishes = false;
  // As the Swarm lists them: those that the spec names.
  nlohmann::json secrets = nlohmann::json::array(), configs = nlohmann::json::array();
};

// A service without a replica, yet. Pure. `invalid`: `run` or `env` has a reference other than
// ${port} and ${host}, or the Swarm has no secret or config of that name.
Expected<nlohmann::json> service_order(const SwarmOrder& order, const LaunchSpec& spec);

}  // namespace utakata
