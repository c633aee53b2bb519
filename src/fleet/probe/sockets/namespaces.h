// The sockets of processes that have network namespaces of their own, such as containers whose
// ports are published: what clients are connected to is there, and what is here is the Engine's
// proxy.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/problem.h"
#include "fleet/probe/sockets/sock_diag.h"

namespace utakata {

// One thread. Needs root (CAP_SYS_ADMIN): sock_diag_within.
class NamespaceSockets {
 public:
  // One process of each namespace, as of now.
  using Processes = std::function<std::vector<pid_t>()>;
  explicit NamespaceSockets(Processes processes) : processes_(std::move(processes)) {}

  // SockDiag::dump of all of them. What cannot be entered or does not answer is left out: it has
  // just ended, or is a miss. `refused`: we are not root. Blocks: the kernel walks its table of all
  // namespaces for each, some 0.5 ms, and 1 us a socket.
  Expected<void> dump(std::uint16_t port_first, std::uint16_t port_last,
                      const std::function<void(const KernelSocket&)>& each);

 private:
  Processes processes_;
  std::map<pid_t, SockDiag> within_;
  std::vector<KernelSocket> sockets_;  // of the one that is being asked
};

}  // namespace utakata
