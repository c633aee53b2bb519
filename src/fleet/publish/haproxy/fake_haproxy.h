// For tests: HAProxy's runtime API over one backend `game`, in the test's own process. What it
// says is what 2.6 says (tests/e2e/haproxy.test.mjs holds the real one to the same).
#pragma once

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "net/tcp.h"

namespace utakata {

class FakeHaproxy {
 public:
  struct Server {
    std::string address;  // with the port
    int admin = 1, weight = 1;
    int connections = 0;
  };
  explicit FakeHaproxy(net::Loop& loop) : loop_(loop) { listen(0); }
  ~FakeHaproxy() { away(); }

  std::map<std::string, Server> servers;
  std::vector<std::string> commands;                       // but for `show`
  std::function<std::string(const std::string&)> answers;  // instead of its own; for oddities
  bool is_frozen = false;                                  // hears and says nothing
  int most_at_once = 0;                                    // connections

  std::uint16_t port() const { return port_; }
  void away() {
    listener_.reset();
    for (auto& socket : sockets_) loop_.unwatch(socket.get());
    sockets_.clear();
  }
  void back() { listen(port_); }

 private:
  void listen(std::uint16_t port) {
    auto listener = net::TcpListener::open(
        loop_, "127.0.0.1", port, {.accepted = [this](net::Descriptor socket, const net::TcpPeer&) {
          sockets_.push_back(std::move(socket));
          most_at_once = std::max(most_at_once, int(sockets_.size()));
          const auto at = std::prev(sockets_.end());
          loop_.watch(at->get(), EPOLLIN, [this, at](std::uint32_t) { ready(at); });
        }});
    if (!listener) std::abort();
    listener_ = std::move(*listener);
    port_ = listener_->port();
  }

  void ready(std::list<net::Descriptor>::iterator at) {
    std::array<char, 65536> piece;
    const auto moved = net::tcp_receive(at->get(), piece);
    if (moved.how == net::Moved::How::would_block) return;
    if (moved.how == net::Moved::How::bytes) {
      if (is_frozen) return;
      std::istringstream line(std::string(piece.data(), moved.bytes));
      std::string answer, command;
      std::getline(line, command);
      if (answers) {
        answer = answers(command);
      } else {
        std::istringstream all(command);
        while (std::getline(all, command, ';')) answer += said(command) + "\n";
      }
      net::tcp_send(at->get(), answer);
    }
    loop_.unwatch(at->get());
    sockets_.erase(at);
  }

  std::string said(const std::string& command) {
    std::istringstream words(command);
    std::string verb, what, place, key, value;
    words >> verb >> what >> place >> key >> value;
    if (verb == "show") return key == "game" ? shown() : "Can't find backend.\n";
    commands.push_back(command);
    if (!place.starts_with("game/")) return "No such backend.\n";
    const auto name = place.substr(5);
    if (verb == "add") {
      int weight = 0;
      words >> weight;
      if (!servers.try_emplace(name, Server{.address = key, .weight = weight}).second)
        return "Already exists a server with the same name in backend.\n";
      return "New server registered.\n";
    }
    const auto found = servers.find(name);
    if (found == servers.end()) return "No such server.\n";
    if (verb == "del") return removed(found);
    if (key == "weight") found->second.weight = std::stoi(value);
    if (key == "state") found->second.admin = value == "ready" ? 0 : value == "drain" ? 8 : 1;
    return "";
  }

  std::string removed(std::map<std::string, Server>::iterator at) {
    if ((at->second.admin & 1) == 0) return "Only servers in maintenance mode can be deleted.";
    if (at->second.connections > 0)
      return "Server still has connections attached to it, cannot remove it.";
    servers.erase(at);
    return "Server deleted.";
  }

  std::string shown() const {
    std::string text =
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
        "srv_iweight\n";
    for (const auto& [name, one] : servers) {
      const auto colon = one.address.rfind(':');
      auto host = one.address.substr(0, colon);
      if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
      text += fmt::format("3 game 1 {} {} 2 {} {} 1 0 1 0 0 0 0 0 0 - {} - 0 0 - - 0\n", name, host,
                          one.admin, one.weight, one.address.substr(colon + 1));
    }
    return text;
  }

  net::Loop& loop_;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::TcpListener> listener_;
  std::list<net::Descriptor> sockets_;
};

}  // namespace utakata
