#include "fleet/provider/process/ports.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "fleet/provider/process/descriptor.h"

namespace utakata {
namespace {

struct Listener {
  Descriptor socket;
  std::uint16_t port = 0;
};

// A stranger's listener with SO_REUSEADDR, as every server sets it; none: the host has no such
// address.
Listener listen_on(const char* host) {
  const bool is_v6 = std::string_view(host).find(':') != std::string_view::npos;
  Listener listener{Descriptor{socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
  const int yes = 1;
  setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_storage address{};
  if (is_v6) {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    six.sin6_family = AF_INET6;
    inet_pton(AF_INET6, host, &six.sin6_addr);
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    inet_pton(AF_INET, host, &four.sin_addr);
  }
  socklen_t size = is_v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (bind(listener.socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return {};
  if (listen(listener.socket.get(), 1) != 0) return {};
  getsockname(listener.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  listener.port =
      ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);  // the same place in both
  return listener;
}

TEST(APort, with_anybodys_listener_on_any_address_is_not_free) {
  for (const char* host : {"127.0.0.1", "0.0.0.0", "127.0.0.7", "::", "::1"}) {
    auto listener = listen_on(host);
    if (!listener.port) continue;  // no IPv6 on this host
    EXPECT_FALSE(is_port_free(listener.port)) << host;
    listener.socket.reset();
    EXPECT_TRUE(is_port_free(listener.port)) << host;
  }
}

TEST(APort, whose_last_connections_only_fade_away_is_free) {
  auto listener = listen_on("127.0.0.1");
  const Descriptor client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  Descriptor served{accept(listener.socket.get(), nullptr, nullptr)};
  served.reset();  // the listener's side closes first: TIME_WAIT is on its port
  shutdown(client.get(), SHUT_WR);
  listener.socket.reset();
  EXPECT_TRUE(is_port_free(listener.port));
}

TEST(Ports, are_given_in_turn_and_never_twice) {
  PortRange range{23900, 23903};
  std::set<std::uint16_t> given;
  while (const auto port = range.take()) EXPECT_TRUE(given.insert(*port).second);
  ASSERT_GE(given.size(), 2u);
  const auto first = *given.begin();
  range.give_back(first);
  EXPECT_EQ(range.take(), first);
  EXPECT_EQ(range.take(), std::nullopt);
}

TEST(Ports, kept_by_an_adopted_instance_are_not_given) {
  PortRange range{23900, 23903};
  range.keep(23901);
  while (const auto port = range.take()) EXPECT_NE(*port, 23901);
}

}  // namespace
}  // namespace utakata
