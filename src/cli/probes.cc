#include "cli/probes.h"

#include "fleet/probe/http/http_probe.h"
#include "fleet/probe/sockets/sockets_probe.h"
#include "fleet/provider/docker/container.h"
#include "fleet/provider/process/tree.h"

namespace utakata {

Probes::Probes(net::Loop& loop, const Clock& clock, net::HttpClient& client, const Stack& stack)
    : loop_(loop),
      client_(client),
      table_([&client] { return client.own_connections(); }, stack.api.ports_first,
             stack.api.ports_last) {
  // Whether others' instances listen themselves cannot be told from here.
  if (stack.provider == ProviderKind::observe) return;
  if (stack.provider == ProviderKind::docker) {
    // A published port is listened to by the Engine.
    if (stack.docker.publishes) return;
    listener_ = make_listener_check(clock, table_, container_owns_a_socket);
    return;
  }
  listener_ = make_listener_check(
      clock, table_, [](const std::string& handle, const std::vector<std::uint64_t>& inodes) {
        return owns_a_socket(handle, inodes);
      });
}

std::unique_ptr<Probe> Probes::make(const ClusterSpec& spec) {
  if (spec.count.kind == CountSpec::Kind::sockets)
    return std::make_unique<SocketsProbe>(loop_, client_, table_, spec, listener_);
  return std::make_unique<HttpProbe>(loop_, client_, spec, listener_);
}

}  // namespace utakata
