#include "fleet/probe/sockets/namespaces.h"

#include <algorithm>

namespace utakata {

Expected<void> NamespaceSockets::dump(std::uint16_t port_first, std::uint16_t port_last,
                                      const std::function<void(const KernelSocket&)>& each) {
  const auto now = processes_();
  // A socket of ours would keep the namespace of who has ended.
  std::erase_if(within_,
                [&](const auto& one) { return std::ranges::find(now, one.first) == now.end(); });
  for (const pid_t pid : now) {
    auto known = within_.find(pid);
    if (known == within_.end()) {
      auto socket = sock_diag_within(pid);
      if (!socket && socket.error().kind == Problem::Kind::refused)
        return std::unexpected(socket.error());
      if (!socket) continue;
      known = within_.emplace(pid, SockDiag(std::move(*socket))).first;
    }
    // Half of a dump would be a count that is too small. One that failed has closed its socket, and
    // the next would be of our own namespace.
    sockets_.clear();
    const auto done = known->second.dump(
        port_first, port_last, [&](const KernelSocket& socket) { sockets_.push_back(socket); });
    if (done)
      std::ranges::for_each(sockets_, each);
    else
      within_.erase(known);
  }
  return {};
}

}  // namespace utakata
