// Makes each cluster's probe, all of them on one table of the kernel's sockets.
#pragma once

#include <memory>

#include "base/clock.h"
#include "fleet/model/stack.h"
#include "fleet/probe/probe.h"
#include "fleet/probe/sockets/socket_table.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

class Probes {
 public:
  Probes(net::Loop& loop, const Clock& clock, net::HttpClient& client, const Stack& stack);
  std::unique_ptr<Probe> make(const ClusterSpec& spec);

 private:
  net::Loop& loop_;
  net::HttpClient& client_;
  SocketTable table_;
  ListenerCheck listener_;
};

}  // namespace utakata
