#include "fleet/probe/sockets/socket_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

namespace utakata {
namespace {

std::optional<decltype(net::SocketEnd::address)> numeric(const std::string& host) {
  if (const auto at = net::numeric_address(host, 0)) return net::socket_end(at->get())->address;
  return std::nullopt;
}

}  // namespace

SocketTable::SocketTable(OwnConnections own, std::uint16_t port_first, std::uint16_t port_last,
                         Dump dump)
    : own_(std::move(own)),
      port_first_(port_first),
      port_last_(port_last),
      dump_(dump ? std::move(dump)
                 : [kernel = std::make_shared<SockDiag>()](std::uint16_t first, std::uint16_t last,
                                                           const auto& each) {
                     return kernel->dump(first, last, each);
                   }) {}

int SocketTable::also_own(OwnConnections own) {
  more_own_.emplace(++last_own_, std::move(own));
  return last_own_;
}

void SocketTable::cover(std::uint16_t port) {
  if (port == 0 || (port >= port_first_ && port <= port_last_)) return;
  port_first_ = std::min(port_first_, port);
  port_last_ = std::max(port_last_, port);
  is_filled_ = false;
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
  own_accepted_.clear();
  if (auto done =
          dump_(port_first_, port_last_, [&](const KernelSocket& socket) { take(socket, own); });
      !done)
    return done;
  std::ranges::sort(own_accepted_);
  std::erase_if(ports_, [](const auto& one) { return one.second.listeners.empty(); });
  at_ = now;
  is_filled_ = true;
  return {};
}

void SocketTable::take(const KernelSocket& socket, const std::vector<net::OwnConnection>& own) {
  const bool is_accepted = socket.inode != 0;
  if (!socket.is_listener) {
    const net::OwnConnection as_we_see_it{.ours = socket.remote, .theirs = socket.local};
    if (std::ranges::binary_search(own, as_we_see_it)) {
      if (is_accepted) own_accepted_.push_back(as_we_see_it);
      return;
    }
  }
  Port& port = ports_[socket.local.port];
  if (socket.is_listener) {
    port.listeners.push_back({socket.local.address, socket.inode});
    return;
  }
  auto known = std::ranges::find(port.clients, socket.local.address, &Port::Clients::address);
  if (known == port.clients.end())
    known = port.clients.insert(known, {.address = socket.local.address});
  known->count += is_accepted;
  known->waiting += !is_accepted || socket.has_unread;
}

const SocketTable::Port* SocketTable::port_of(const Address& address) const {
  const auto found = ports_.find(address.port);
  return found == ports_.end() ? nullptr : &found->second;
}

SocketTable::Port::Clients SocketTable::clients_of(const Address& address, const Port& port) const {
  const auto exact = numeric(address.host);
  const bool only_there =
      exact &&
      std::ranges::find(port.listeners, *exact, &Port::Listener::address) != port.listeners.end();
  Port::Clients all{.address = {}};
  for (const auto& clients : port.clients)
    if (!only_there || clients.address == *exact)
      all.count += clients.count, all.waiting += clients.waiting;
  return all;
}

std::optional<int> SocketTable::connections(const Address& address) const {
  const Port* port = port_of(address);
  if (!port) return std::nullopt;
  return clients_of(address, *port).count;
}

bool SocketTable::is_waited_for(const Address& address) const {
  const Port* port = port_of(address);
  return port && clients_of(address, *port).waiting > 0;
}

bool SocketTable::is_accepted(const net::OwnConnection& own) const {
  return std::ranges::binary_search(own_accepted_, own);
}

std::vector<std::uint64_t> SocketTable::listeners(const Address& address) const {
  std::vector<std::uint64_t> inodes;
  if (const Port* port = port_of(address))
    for (const auto& one : port->listeners) inodes.push_back(one.inode);
  return inodes;
}

ListenerCheck make_listener_check(const Clock& clock, SocketTable& table, OwnsASocket owns) {
  return [&clock, &table, owns = std::move(owns)](const ProbeTarget& target) -> Expected<void> {
    table.cover(target.address.port);
    if (auto fresh = table.refresh(clock.now()); !fresh) return fresh;
    const auto inodes = table.listeners(target.address);
    if (inodes.empty())
      return problem(Problem::Kind::unavailable,
                     fmt::format("nobody listens on port {} yet", target.address.port), true);
    if (owns(std::string(target.handle), inodes)) return {};
    return problem(Problem::Kind::conflict,
                   fmt::format("port {} is listened on by a program that is not the instance's",
                               target.address.port),
                   true);
  };
}

}  // namespace utakata
