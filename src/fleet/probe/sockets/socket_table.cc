#include "fleet/probe/sockets/socket_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

namespace utakata {
namespace {

std::optional<decltype(net::SocketEnd::address)> numeric(const std::string& host) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
    return net::socket_end(reinterpret_cast<const sockaddr*>(&v4))->address;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1)
    return net::socket_end(reinterpret_cast<const sockaddr*>(&v6))->address;
  return std::nullopt;
}

}  // namespace

int SocketTable::also_own(OwnConnections own) {
  more_own_.emplace(++last_own_, std::move(own));
  return last_own_;
}

Expected<void> SocketTable::refresh(Instant now, Duration shared_for) {
  if (is_filled_ && now >= at_ && now - at_ < shared_for) return {};
  is_filled_ = false;
  for (auto& [number, port] : ports_)
    port.listeners.clear(), port.clients.clear();  // their memory is used again
  std::vector<net::OwnConnection> own;
  if (own_) own = own_();
  for (const auto& [number, more] : more_own_)
    for (const auto& one : more()) own.push_back(one);
  std::ranges::sort(own);
  if (auto done = kernel_.dump(port_first_, port_last_,
                               [&](const KernelSocket& socket) { take(socket, own); });
      !done)
    return done;
  std::erase_if(ports_, [](const auto& one) { return one.second.listeners.empty(); });
  at_ = now;
  is_filled_ = true;
  return {};
}

void SocketTable::take(const KernelSocket& socket, const std::vector<net::OwnConnection>& own) {
  if (!socket.is_listener) {
    if (socket.inode == 0) return;
    const net::OwnConnection as_we_see_it{.ours = socket.remote, .theirs = socket.local};
    if (std::ranges::binary_search(own, as_we_see_it)) return;
  }
  Port& port = ports_[socket.local.port];
  if (socket.is_listener) {
    port.listeners.push_back({socket.local.address, socket.inode});
    return;
  }
  const auto known = std::ranges::find(port.clients, socket.local.address, &Port::Clients::address);
  if (known == port.clients.end())
    port.clients.push_back({socket.local.address, 1});
  else
    ++known->count;
}

const SocketTable::Port* SocketTable::port_of(const Address& address) const {
  const auto found = ports_.find(address.port);
  return found == ports_.end() ? nullptr : &found->second;
}

std::optional<int> SocketTable::connections(const Address& address) const {
  const Port* port = port_of(address);
  if (!port) return std::nullopt;
  const auto exact = numeric(address.host);
  const bool only_there =
      exact &&
      std::ranges::find(port->listeners, *exact, &Port::Listener::address) != port->listeners.end();
  int count = 0;
  for (const auto& clients : port->clients)
    if (!only_there || clients.address == *exact) count += clients.count;
  return count;
}

std::vector<std::uint64_t> SocketTable::listeners(const Address& address) const {
  std::vector<std::uint64_t> inodes;
  if (const Port* port = port_of(address))
    for (const auto& one : port->listeners) inodes.push_back(one.inode);
  return inodes;
}

ListenerCheck make_listener_check(const Clock& clock, SocketTable& table, OwnsASocket owns) {
  return [&clock, &table, owns = std::move(owns)](const ProbeTarget& target) -> Expected<void> {
    if (auto fresh = table.refresh(clock.now()); !fresh) return fresh;
    const auto inodes = table.listeners(target.address);
    if (inodes.empty())
      return problem(Problem::Kind::unavailable,
                     fmt::format("nobody listens on port {} yet", target.address.port), true);
    if (owns(target.handle, inodes)) return {};
    return problem(Problem::Kind::conflict,
                   fmt::format("port {} is listened on by a program that is not the instance's",
                               target.address.port),
                   true);
  };
}

}  // namespace utakata
