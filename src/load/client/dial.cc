#include "load/client/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace utakata::load {

std::expected<net::Descriptor, Failure> dial_tcp(const net::TcpAddress& to,
                                                 const net::TcpAddress& source) {
  net::Descriptor socket(
      ::socket(to.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(failure_of(errno));
  const int number = socket.get(), one = 1;
  setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (source.size > 0) {
    // The port is chosen when both ends are known: the same one serves for many servers.
    setsockopt(number, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(number, source.get(), source.size) != 0) {
      const std::string why = failure_of(errno).what;
      return std::unexpected(Failure{FailureKind::source, "the source address: " + why});
    }
  }
  if (connect(number, to.get(), to.size) != 0 && errno != EINPROGRESS)
    return std::unexpected(failure_of(errno));
  return socket;
}

int connect_failure(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

net::Moved Line::send(std::string_view bytes) const {
  return tls ? tls->send(bytes) : net::tcp_send(socket.get(), bytes);
}

net::Moved Line::receive(std::span<char> into) const {
  return tls ? tls->receive(into) : net::tcp_receive(socket.get(), into);
}

}  // namespace utakata::load
