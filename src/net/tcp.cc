#include "net/tcp.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace utakata::net {
namespace {

constexpr int backlog = 4096;       // the kernel cuts it to net.core.somaxconn
constexpr int accepts_a_turn = 64;  // the rest waits until those that are connected were served
// When descriptors have run out: long enough to be no hot loop, short enough for a client's
// patience.
constexpr Duration pause_time = 100ms;

Moved moved(ssize_t result) {
  if (result >= 0) return {Moved::How::bytes, std::size_t(result)};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {Moved::How::would_block};
  return {Moved::How::failed};
}

TcpPeer peer_from(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  in_addr v4{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET6, &v6, text.data(), text.size());
      return {text.data(), IN6_IS_ADDR_LOOPBACK(&v6) != 0};
    }
    std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
  } else {
    v4 = reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  }
  inet_ntop(AF_INET, &v4, text.data(), text.size());
  return {text.data(), ntohl(v4.s_addr) >> 24 == 127};
}

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Expected<Addresses> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                 std::to_string(port).c_str(), &hints, &found);
  if (failed)
    return problem(Problem::Kind::invalid, "listen: " + host + " is no address of this host (" +
                                               gai_strerror(failed) +
                                               "); 127.0.0.1 and 0.0.0.0 always are");
  return Addresses(found, &freeaddrinfo);
}

std::unexpected<Problem> cannot_listen(const std::string& host, std::uint16_t port) {
  const auto where = "listen on " + host + ":" + std::to_string(port) + ": ";
  switch (errno) {
    case EADDRINUSE:
      return problem(
          Problem::Kind::conflict,
          where + "the port is taken by another process; choose another one, or stop it");
    case EACCES:
    case EPERM:
      return problem(
          Problem::Kind::refused,
          where + "this user may not; ports below 1024 need root or CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return problem(Problem::Kind::invalid, where + "this host has no such address");
    default:
      return problem(Problem::Kind::unavailable, where + std::strerror(errno));
  }
}

// Bound, not listening.
Expected<Descriptor> bound_socket(const std::string& host, std::uint16_t port, bool shares_port) {
  auto addresses = resolve(host, port);
  if (!addresses) return std::unexpected(addresses.error());
  const addrinfo* chosen = addresses->get();
  for (const addrinfo* a = chosen; a; a = a->ai_next)
    if (a->ai_family == AF_INET) {
      chosen = a;
      break;
    }
  Descriptor socket(::socket(chosen->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return cannot_listen(host, port);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shares_port) setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(socket.get(), chosen->ai_addr, chosen->ai_addrlen) != 0)
    return cannot_listen(host, port);
  return socket;
}

}  // namespace

Moved tcp_receive(int socket, std::span<char> into) {
  const auto result = moved(recv(socket, into.data(), into.size(), 0));
  if (result.how == Moved::How::bytes && result.bytes == 0) return {Moved::How::ended};
  return result;
}

Moved tcp_send(int socket, std::string_view bytes) {
  return moved(send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

Expected<std::unique_ptr<TcpListener>> TcpListener::open(Loop& loop, const std::string& host,
                                                         std::uint16_t port, Calls calls,
                                                         bool shares_port) {
  auto socket = bound_socket(host, port, shares_port);
  if (!socket) return std::unexpected(std::move(socket.error()));
  const int on = 1;
  // Linux hands these down to what is accepted: two system calls less for each connection.
  // Keep-alive ends connections whose phone has vanished.
  setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket->get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (::listen(socket->get(), backlog) != 0) return cannot_listen(host, port);
  const auto bound = port_of(socket->get());
  return std::unique_ptr<TcpListener>(
      new TcpListener(loop, std::move(*socket), bound, std::move(calls)));
}

Expected<KeptPort> keep_port(const std::string& host, std::uint16_t port) {
  {  // alone, so that nobody else's server is joined by mistake
    const auto alone = bound_socket(host, port, false);
    if (!alone) return std::unexpected(alone.error());
    port = port_of(alone->get());
  }
  auto socket = bound_socket(host, port, true);
  if (!socket) return std::unexpected(std::move(socket.error()));
  return KeptPort{std::move(*socket), port};
}

TcpListener::TcpListener(Loop& loop, Descriptor socket, std::uint16_t port, Calls calls)
    : loop_(loop), socket_(std::move(socket)), port_(port), calls_(std::move(calls)) {
  loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept_ready(); });
}

TcpListener::~TcpListener() {
  loop_.cancel(resume_);
  loop_.unwatch(socket_.get());
}

void TcpListener::accept_ready() {
  bool made_room = false;
  for (int i = 0; i < accepts_a_turn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Descriptor socket(accept4(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      calls_.accepted(std::move(socket), peer_from(address));
      made_room = false;
      continue;
    }
    const bool is_full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (errno == EAGAIN) return;
    if (!is_full) continue;  // that client's own trouble: it hung up already
    // Out of descriptors the kernel says so before it looks whether anybody waits.
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 0) == 0) return;
    // Once for each: where another thread snatches what was closed here, it would be all of them.
    if (std::exchange(made_room, true) || !calls_.make_room()) return pause();
  }
}

void TcpListener::pause() {
  loop_.rewatch(socket_.get(), 0);
  resume_ = loop_.after(pause_time, [this] { loop_.rewatch(socket_.get(), EPOLLIN); });
}

}  // namespace utakata::net
