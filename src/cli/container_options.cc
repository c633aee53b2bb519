#include "cli/container_options.h"

#include <algorithm>

#include "cli/packed_apps.h"
#include "fleet/provider/docker/pack/pack.h"

namespace utakata {

DockerOptions docker_options(const Stack& stack, const std::string& file,
                             const std::string& run_folder) {
  DockerOptions docker;
  docker.stack = stack.name;
  docker.engine = stack.docker.engine;
  docker.publishes = stack.docker.publishes;
  docker.run_folder = run_folder;
  docker.stack_folder = stack.folder;
  docker.pack_leaves_out = left_out_of_packs(stack, file);
  // Elsewhere instances are reached where their Engine is.
  docker.advertise = is_here(docker.engine)
                         ? stack.api.advertise
                         : docker.engine.host.substr(0, docker.engine.host.rfind(':'));
  docker.ports_first = stack.api.ports_first;
  docker.ports_last = stack.api.ports_last;
  return docker;
}

SwarmOptions swarm_options(const Stack& stack, const std::string& file,
                           const std::string& run_folder) {
  SwarmOptions swarm;
  swarm.stack = stack.name;
  swarm.engine = stack.docker.engine;
  swarm.hosts = stack.swarm.hosts;
  swarm.zone_label = stack.swarm.zone_label;
  swarm.publishes = stack.docker.publishes;
  swarm.packs = std::ranges::any_of(
      stack.clusters, [](const ClusterSpec& spec) { return is_packed_image(spec.image); });
  swarm.run_folder = run_folder;
  swarm.stack_folder = stack.folder;
  swarm.pack_leaves_out = left_out_of_packs(stack, file);
  swarm.ports_first = stack.api.ports_first;
  swarm.ports_last = stack.api.ports_last;
  return swarm;
}

}  // namespace utakata
