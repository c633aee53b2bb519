#include "net/socket_end.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace utakata::net {

std::optional<TcpAddress> numeric_address(const std::string& host, std::uint16_t port) {
  TcpAddress at;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&at.bytes);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    at.size = sizeof *v4;
    return at;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&at.bytes);
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return std::nullopt;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  at.size = sizeof *v6;
  return at;
}

std::optional<SocketEnd> socket_end(const sockaddr* address) {
  SocketEnd end;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    end.address[10] = end.address[11] = 0xff;
    std::memcpy(&end.address[12], &v4.sin_addr, 4);
    end.port = ntohs(v4.sin_port);
    return end;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(end.address.data(), &v6.sin6_addr, 16);
    end.port = ntohs(v6.sin6_port);
    return end;
  }
  return {};
}

std::optional<SocketEnd> local_end(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(descriptor, address, &size) != 0) return {};
  const auto end = socket_end(address);
  return end && end->port != 0 ? end : std::nullopt;
}

}  // namespace utakata::net
