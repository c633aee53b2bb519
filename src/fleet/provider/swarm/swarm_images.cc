// SwarmProvider: packed apps, brought to the hosts. A Swarm has no way of its own for that but a
// registry.
#include <fmt/format.h>

#include "fleet/provider/docker/pack/pack.h"
#include "fleet/provider/swarm/swarm_state.h"

namespace utakata {

bool SwarmProvider::State::knows_engine_at(const SwarmNode& node) const {
  return engines.contains(node.host.name) || node.id == local_node;
}

Engine* SwarmProvider::State::engine_at(const std::string& host) {
  if (const auto found = engines.find(host); found != engines.end()) return found->second.get();
  const auto* const local = node_by_id(local_node);
  return local && local->host.name == host ? &engine : nullptr;
}

// Where the image was named by the user its host fetches it, or says that it cannot.
void SwarmProvider::State::bring_image(const Id& id, const LaunchSpec& spec) {
  if (!is_packed_image(spec.image)) return find_named(id, spec);
  const auto& target = own.at(id).host.name;
  if (!engine_at(target))
    return fail(id, {Problem::Kind::invalid,
                     fmt::format("swarm: the app of {} cannot be brought to host {}: name its "
                                 "Engine by `swarm: {{ hosts: {{ {}: \"tcp://...\" }} }}`, or give "
                                 "the cluster an `image`",
                                 spec.cluster, target, target)});
  // To all hosts at once: when one is lost the others are not to begin with unpacking.
  for (const auto& node : nodes) {
    Engine* const at = node.host.is_up ? engine_at(node.host.name) : nullptr;
    if (!at) continue;
    const bool is_target = node.host.name == target;
    at->ask({.path = "/images/" + spec.image + "/json"},
            [this, id, spec, at, is_target](const Expected<Json>& answer) {
              const bool is_lacking = !answer && answer.error().kind == Problem::Kind::not_found;
              const auto done = [this, id, spec, is_target](const Expected<void>& outcome) {
                if (is_target) image_is_there(id, spec, outcome);
              };
              if (is_lacking) return packings.want(*at, spec, done);
              done(answer ? Expected<void>{} : std::unexpected(answer.error()));
            });
  }
}

void SwarmProvider::State::image_is_there(const Id& id, const LaunchSpec& spec,
                                          const Expected<void>& outcome) {
  if (!find(id)) return;
  if (outcome) return find_named(id, spec);
  fail(id, {outcome.error().kind,
            fmt::format("swarm: host {}: {}", own.at(id).host.name, outcome.error().what),
            outcome.error().retry});
}

}  // namespace utakata
