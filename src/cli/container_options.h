// What a stack file says of `provider: docker` and `swarm`, as those who launch want it.
#pragma once

#include <string>

#include "fleet/model/stack.h"
#include "fleet/provider/docker/docker_provider.h"
#include "fleet/provider/swarm/swarm_provider.h"

namespace utakata {

// `file`: the stack file's path, or empty. Without what the controller alone knows: the store's
// mark, whom to tell, and which clusters are ours.
DockerOptions docker_options(const Stack& stack, const std::string& file,
                             const std::string& run_folder);
SwarmOptions swarm_options(const Stack& stack, const std::string& file,
                           const std::string& run_folder);

}  // namespace utakata
