#include "cli/probes.h"

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "fleet/probe/door/door_probe.h"
#include "fleet/probe/http/http_probe.h"
#include "fleet/probe/sockets/namespaces.h"
#include "fleet/probe/sockets/sockets_probe.h"
#include "fleet/provider/docker/container.h"
#include "fleet/provider/process/tree.h"

namespace utakata {

namespace {

SocketTable::Dump dump_of(const DockerProvider* containers) {
  if (!containers) return {};
  const auto within = std::make_shared<NamespaceSockets>([containers] {
    const auto all = containers->processes();
    return std::vector<pid_t>(all.begin(), all.end());
  });
  return [within](std::uint16_t first, std::uint16_t last, const auto& each) {
    return within->dump(first, last, each);
  };
}

}  // namespace

Probes::Probes(net::Loop& loop, const Clock& clock, net::HttpClient& client, const Stack& stack,
               const DockerProvider* containers)
    : loop_(loop),
      client_(client),
      table_([&client] { return client.own_connections(); }, stack.api.ports_first,
             stack.api.ports_last, dump_of(containers)) {
  if (containers)
    reached_at_ = [containers](std::string_view handle) -> std::optional<std::string> {
      const auto inside = containers->inside(handle);
      return inside ? std::optional(inside->host) : std::nullopt;
    };
  // Whether others' instances listen themselves cannot be told from here.
  if (stack.provider == ProviderKind::observe) return;
  is_elsewhere_ = stack.provider == ProviderKind::swarm;
  if (is_elsewhere_) return;
  if (stack.provider == ProviderKind::docker) {
    // A published port is listened to by the Engine, and in a container's network by itself only.
    if (stack.docker.publishes || !is_here(stack.docker.engine)) return;
    listener_ = make_listener_check(clock, table_, container_owns_a_socket);
    return;
  }
  listener_ = make_listener_check(
      clock, table_, [](const std::string& handle, const std::vector<std::uint64_t>& inodes) {
        return owns_a_socket(handle, inodes);
      });
}

std::unique_ptr<Probe> Probes::make(const ClusterSpec& spec) {
  if (spec.count.kind == CountSpec::Kind::sockets && is_elsewhere_)
    return std::make_unique<DoorProbe>(loop_, client_, spec);
  if (spec.count.kind == CountSpec::Kind::sockets)
    return std::make_unique<SocketsProbe>(loop_, client_, table_, spec, listener_, reached_at_);
  return std::make_unique<HttpProbe>(loop_, client_, spec, listener_);
}

}  // namespace utakata
