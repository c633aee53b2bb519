#include "net/tcp.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/loopback_client.h"

namespace utakata::net {
namespace {

TEST(TcpListener, a_client_connects_then_its_socket_is_ready_to_use) {
  Loop loop;
  Descriptor socket;
  TcpPeer peer;
  const auto listener = TcpListener::open(loop, "localhost", 0,
                                          {.accepted =
                                               [&](Descriptor accepted, TcpPeer from) {
                                                 socket = std::move(accepted);
                                                 peer = std::move(from);
                                                 loop.stop();
                                               }})
                            .value();
  LoopbackClient client(listener->port());
  loop.run();
  EXPECT_EQ(peer.address, "127.0.0.1");
  EXPECT_TRUE(peer.is_loopback);
  for (const auto& [level, option] :
       {std::pair<int, int>{IPPROTO_TCP, TCP_NODELAY}, {SOL_SOCKET, SO_KEEPALIVE}}) {
    int on = 0;
    socklen_t size = sizeof on;
    getsockopt(socket.get(), level, option, &on, &size);
    EXPECT_NE(on, 0) << "it is handed down from the listener";
  }
  std::array<char, 8> buffer;
  EXPECT_EQ(tcp_receive(socket.get(), buffer).how, Moved::How::would_block);
  client.send("hi").send_no_more();
  pollfd ready{socket.get(), POLLIN, 0};
  poll(&ready, 1, -1);
  EXPECT_EQ(tcp_receive(socket.get(), buffer).bytes, 2u);
  poll(&ready, 1, -1);
  EXPECT_EQ(tcp_receive(socket.get(), buffer).how, Moved::How::ended);
}

TEST(TcpListener, listens_on_both_families_then_an_ipv4_peer_is_written_as_ipv4) {
  Loop loop;
  std::string seen;
  const auto listener =
      TcpListener::open(loop, "::", 0, {.accepted = [&](Descriptor, const TcpPeer& peer) {
                          seen = peer.address + (peer.is_loopback ? " loopback" : "");
                          loop.stop();
                        }});
  if (!listener) GTEST_SKIP() << "this host has no IPv6: " << listener.error().what;
  LoopbackClient client((*listener)->port());
  loop.run();
  EXPECT_EQ(seen, "127.0.0.1 loopback");
}

}  // namespace
}  // namespace utakata::net
