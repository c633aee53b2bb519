// Makes each cluster's probe, all of them on one table of the kernel's sockets.
#pragma once

#include <memory>

#include "base/clock.h"
#include "fleet/model/stack.h"
#include "fleet/probe/probe.h"
#include "fleet/probe/sockets/sockets_probe.h"
#include "fleet/provider/docker/docker_provider.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class Probes {
 public:
  // `containers`: what launches, where its containers have networks of their own; otherwise null.
  Probes(net::Loop& loop, const Clock& clock, net::HttpClient& client, const Stack& stack,
         const DockerProvider* containers);
  std::unique_ptr<Probe> make(const ClusterSpec& spec);

 private:
  net::Loop& loop_;
  net::HttpClient& client_;
  SocketTable table_;
  ListenerCheck listener_;
  bool is_elsewhere_ = false;  // where no socket is seen from here
  SocketsProbe::ReachedAt reached_at_;
};

}  // namespace utakata
