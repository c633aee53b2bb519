// Which of somebody else's running containers can become instances. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/provider/provider.h"

namespace utakata {

struct ForeignPlace {
  std::string advertise;   // where the host's ports are reached
  bool publishes = false;  // as this stack's own: DockerSpec
};

// Of what the Engine lists with the label: all that carry no mark of Utakata's, each at its port.
// `not_found`: none. `conflict`: one is in another kind of network than this stack's own.
// `invalid`: its port is not published, cannot be told without `port`, or is another one inside
// than outside where the kernel counts.
Expected<std::vector<Foreign>> foreign_containers(const nlohmann::json& list,
                                                  const ForeignQuery& query,
                                                  const ForeignPlace& place);

std::string container_name(const nlohmann::json& listed);  // "game-1"

}  // namespace utakata
