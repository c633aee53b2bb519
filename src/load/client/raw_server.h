// A server for tests that says what it is told, byte for byte, well-formed or not. On the loop of
// who is tested.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/tcp.h"

namespace utakata::load {

class RawServer {
 public:
  struct Client {
    std::size_t number;   // in the order of coming
    std::string request;  // the last whole one
    bool is_gone = false;
    net::Descriptor socket;
    std::string kept{};
  };
  using Say = std::function<void(Client&)>;

  // Hears each whole request, a body by its Content-Length included.
  RawServer(net::Loop& loop, Say say)
      : loop_(loop),
        say_(std::move(say)),
        listener_(net::TcpListener::open(
                      loop, "127.0.0.1", 0,
                      {.accepted = [this](net::Descriptor s,
                                          const net::TcpPeer&) { accept(std::move(s)); }})
                      .value()) {}
  ~RawServer() {
    *alive_ = false;
    for (Client& client : clients) close(client);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  std::uint16_t port() const { return listener_->port(); }

  void send(Client& client, std::string_view bytes) {
    if (client.socket) net::tcp_send(client.socket.get(), bytes);
  }
  // Once a turn, for as long as it answers true.
  void each_turn(std::function<bool()> step) {
    loop_.post([this, alive = alive_, step = std::move(step)] {
      if (*alive && step()) each_turn(step);
    });
  }
  void close(Client& client) {
    if (client.socket) loop_.unwatch(client.socket.get());
    client.socket.reset();
  }
  void reset(Client& client) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(client.socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(client);
  }

  std::deque<Client> clients;  // who have come, in that order

 private:
  void accept(net::Descriptor socket) {
    Client& client =
        clients.emplace_back(Client{.number = clients.size(), .socket = std::move(socket)});
    loop_.watch(client.socket.get(), EPOLLIN, [this, &client](std::uint32_t) { read(client); });
  }
  void read(Client& client) {
    std::array<char, 65536> buffer;
    const auto moved = net::tcp_receive(client.socket.get(), buffer);
    if (moved.how == net::Moved::How::would_block) return;
    if (moved.how != net::Moved::How::bytes) {
      client.is_gone = true;
      return close(client);
    }
    client.kept.append(buffer.data(), moved.bytes);
    for (;;) {
      const auto head = client.kept.find("\r\n\r\n");
      if (head == client.kept.npos) return;
      const auto length = client.kept.find("Content-Length: ");
      const auto size =
          head + 4 + (length < head ? std::stoul(client.kept.substr(length + 16, 12)) : 0);
      if (client.kept.size() < size) return;
      client.request = client.kept.substr(0, size);
      client.kept.erase(0, size);
      say_(client);
      if (!client.socket) return;
    }
  }
  net::Loop& loop_;
  Say say_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<net::TcpListener> listener_;
};

}  // namespace utakata::load
