#include "fleet/probe/sockets/knock.h"

#include <sys/socket.h>

#include <cerrno>

namespace utakata {

Knock::Knock(const Address& address) {
  const auto to = net::numeric_address(address.host, address.port);
  if (!to) return;
  socket_.reset(::socket(to->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return;
  if (::connect(socket_.get(), to->get(), to->size) != 0 && errno != EINPROGRESS) return;
  const auto ours = net::local_end(socket_.get());
  const auto theirs = net::socket_end(to->get());
  if (ours && theirs) connection_ = {.ours = *ours, .theirs = *theirs};
}

Knock::~Knock() {
  if (!socket_) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace utakata
