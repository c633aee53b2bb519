// What an Engine lists of somebody's running containers. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"
#include "fleet/provider/observe/listing.h"

namespace utakata {

// What it is asked, by GET: running ones, with the label if there is one.
std::string containers_path(const ObservedContainers& wanted);

struct EnginePlace {
  std::string host;     // where its published ports are reached
  bool is_here = true;  // its networks are reached from here, too
};

// Of what it answered, those that are meant. Each is at the host port that its port is published
// at; in the host's network at the port itself; otherwise at its own address. Handle:
// "container 4f5e..." (12 digits). `invalid`: no list, one that cannot be reached, or two at the
// same address.
Expected<std::vector<Listed>> read_containers(const nlohmann::json& list,
                                              const ObservedContainers& wanted,
                                              const EnginePlace& engine);

}  // namespace utakata
