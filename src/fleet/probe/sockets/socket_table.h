// Who listens on which port, and how many clients are connected there, as the kernel counts. One
// dump serves every cluster's probe of a tick.
//
// Counted: established connections that the program has accepted. Not counted: those in the backlog
// (inode 0: nobody serves them yet); our own; and those whose other end has closed already
// (CLOSE_WAIT): that client is gone, and a program that forgets to close would never drain.
// Connections of other network namespaces are not seen, but for those that are asked for
// (namespaces.h). A phone that vanished counts until TCP
// keep-alive ends it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/instant.h"
#include "base/problem.h"
#include "fleet/model/instance.h"
#include "fleet/probe/listener.h"
#include "fleet/probe/sockets/sock_diag.h"
#include "net/socket_end.h"

namespace utakata {

// Loop thread only. refresh() blocks about 1 us for each socket within the ports; the rest is
// look-ups.
class SocketTable {
 public:
  // Our own connections at this moment, to be left out: HttpClient::own_connections.
  using OwnConnections = std::function<std::vector<net::OwnConnection>()>;
  // Who lists the sockets, in place of this process's own kernel list: SockDiag::dump.
  using Dump = std::function<Expected<void>(std::uint16_t port_first, std::uint16_t port_last,
                                            const std::function<void(const KernelSocket&)>& each)>;
  SocketTable(OwnConnections own, std::uint16_t port_first = 0, std::uint16_t port_last = 65535,
              Dump dump = {});

  // Further ones, of whoever lives as long as until forget_own(). A number for that.
  int also_own(OwnConnections own);
  void forget_own(int number) { more_own_.erase(number); }

  // This port, too, of an adopted instance: the next dump reaches as far.
  void cover(std::uint16_t port);

  // Dumps anew unless the last dump is younger than `shared_for`: clusters tick together, and a
  // count 50 ms old is as fresh as the answer of an instance that took 50 ms.
  Expected<void> refresh(Instant now, Duration shared_for = Duration{50ms});
  Instant at() const { return at_; }

  // Where somebody listens at exactly that numeric address, connections to it; otherwise all to the
  // port: an address that clients are told may be a name, or belong to a gateway. None: nobody
  // listens there.
  std::optional<int> connections(const Address& address) const;
  std::vector<std::uint64_t> listeners(const Address& address) const;  // their inodes
  // Somebody there waits to be accepted, or has sent what nobody has read yet: in a living program
  // for a moment, in a frozen one for good. Ours do not count.
  bool is_waited_for(const Address& address) const;
  // Whether the program at the other end has accepted it, though it is ours.
  bool is_accepted(const net::OwnConnection& own) const;

 private:
  using Bytes = decltype(net::SocketEnd::address);
  struct Port {
    struct Listener {
      Bytes address;
      std::uint64_t inode;
    };
    struct Clients {
      Bytes address;  // of the program's end
      int count = 0, waiting = 0;
    };
    std::vector<Listener> listeners;
    std::vector<Clients> clients;
  };
  void take(const KernelSocket& socket, const std::vector<net::OwnConnection>& own);
  const Port* port_of(const Address& address) const;
  Port::Clients clients_of(const Address& address, const Port& port) const;

  const OwnConnections own_;
  std::map<int, OwnConnections> more_own_;
  int last_own_ = 0;
  std::uint16_t port_first_, port_last_;
  const Dump dump_;
  Instant at_{};
  bool is_filled_ = false;
  std::unordered_map<std::uint16_t, Port> ports_;
  std::vector<net::OwnConnection> own_accepted_;  // sorted
};

// Answers by the table, refreshed when asked, and by `owns`: is one of these sockets the handle's?
// (provider/process/tree.h)
using OwnsASocket =
    std::function<bool(const std::string& handle, const std::vector<std::uint64_t>& inodes)>;
ListenerCheck make_listener_check(const Clock& clock, SocketTable& table, OwnsASocket owns);

}  // namespace utakata
