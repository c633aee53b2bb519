// The kernel's list of TCP sockets of a network namespace (NETLINK_SOCK_DIAG, sock_diag(7)): this
// process's, or that of a container.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "net/descriptor.h"
#include "net/socket_end.h"

namespace utakata {

struct KernelSocket {
  net::SocketEnd local, remote;
  bool is_listener = false;  // otherwise it is established
  std::uint64_t inode =
      0;  // 0: of a connection that waits in the listener's backlog to be accepted
  bool has_unread = false;  // of a connection: bytes that the program has not read
};

// A netlink socket that belongs to another process's network namespace for good, opened by a thread
// that enters it: 0.1 ms. `not_found`: no such process; `refused`: only root may (CAP_SYS_ADMIN).
Expected<net::Descriptor> sock_diag_within(pid_t pid);

// One thread. Blocks for as long as the kernel takes: about 1 us a socket.
class SockDiag {
 public:
  SockDiag() = default;
  explicit SockDiag(net::Descriptor within) : socket_(std::move(within)) {}
  // Calls `each` for all listeners and established sockets whose local port lies within, both
  // families. The kernel leaves the others out. `unavailable`: this kernel or this container does
  // not tell.
  Expected<void> dump(std::uint16_t port_first, std::uint16_t port_last,
                      const std::function<void(const KernelSocket&)>& each);

 private:
  Expected<void> open();
  Expected<void> ask(std::uint8_t family, std::uint16_t port_first, std::uint16_t port_last);
  Expected<void> hear(const std::function<void(const KernelSocket&)>& each);

  net::Descriptor socket_;
  std::uint32_t sequence_ = 0;
  std::vector<char> buffer_;
};

}  // namespace utakata
