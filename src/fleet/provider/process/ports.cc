#include "fleet/provider/process/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "fleet/provider/process/descriptor.h"

namespace utakata {
namespace {

enum class Trial { free, taken, no_such_family };

template <class Address>
Trial try_bind(int family, const Address& address) {
  const Descriptor socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  // Out of descriptors: nothing can be said, and the launch will fail for that reason and name it.
  if (!socket) return errno == EAFNOSUPPORT ? Trial::no_such_family : Trial::free;
  const int yes = 1, no = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // Both families by one socket: IPv4's listeners stand in its way, too.
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return Trial::free;
  return errno == EADDRNOTAVAIL ? Trial::no_such_family : Trial::taken;
}

}  // namespace

bool is_port_free(std::uint16_t port) {
  const sockaddr_in6 both{.sin6_family = AF_INET6,
                          .sin6_port = htons(port),
                          .sin6_flowinfo = 0,
                          .sin6_addr = IN6ADDR_ANY_INIT,
                          .sin6_scope_id = 0};
  const Trial trial = try_bind(AF_INET6, both);
  if (trial != Trial::no_such_family) return trial == Trial::free;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  return try_bind(AF_INET, four) == Trial::free;
}

std::optional<std::uint16_t> PortRange::take() {
  for (int left = last_ - first_ + 1; left > 0; --left) {
    const std::uint16_t port = next_;
    next_ = port >= last_ ? first_ : std::uint16_t(port + 1);
    if (taken_.contains(port) || !is_port_free(port)) continue;
    taken_.insert(port);
    return port;
  }
  return std::nullopt;
}

void PortRange::keep(std::uint16_t port) { taken_.insert(port); }
void PortRange::give_back(std::uint16_t port) { taken_.erase(port); }

}  // namespace utakata
