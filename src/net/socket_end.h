// Addresses of sockets: as the kernel takes them, and the two ends of a connection of our own in
// the form that the kernel's socket dump can be compared with.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace utakata::net {

struct TcpAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};
// None: a name, not an address of IPv4 or IPv6.
std::optional<TcpAddress> numeric_address(const std::string& host, std::uint16_t port);

struct SocketEnd {
  std::array<std::uint8_t, 16> address{};  // network order; IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;
  auto operator<=>(const SocketEnd&) const = default;
};

// What we dialled. Whoever counts an instance's clients subtracts the pairs whose `theirs` is the
// instance's listener.
struct OwnConnection {
  SocketEnd ours, theirs;
  auto operator<=>(const OwnConnection&) const = default;
};

std::optional<SocketEnd> socket_end(const sockaddr* address);  // none: neither IPv4 nor IPv6
std::optional<SocketEnd> local_end(int descriptor);  // none: no port yet, or another family

}  // namespace utakata::net
