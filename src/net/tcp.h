// A TCP listener on a Loop: accepted sockets do not block, send small writes at once, and are
// closed on exec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "net/descriptor.h"
#include "net/loop.h"

namespace utakata::net {

struct TcpPeer {
  std::string address;  // without the port; IPv4 inside of IPv6 is written as IPv4
  bool is_loopback = false;
};

// What became of a read or a write that does not block.
struct Moved {
  enum class How { bytes, would_block, ended, failed };
  How how;
  std::size_t bytes = 0;
};
Moved tcp_receive(int socket, std::span<char> into);  // `ended`: the other end sends no more
Moved tcp_send(int socket, std::string_view bytes);   // no SIGPIPE: a peer that is gone is `failed`

// A port that several processes are to share (`shares_port`) stays theirs while this is held,
// though nobody who connects comes to it. Problems: as TcpListener::open; `conflict` also where
// another server shares it already.
struct KeptPort {
  Descriptor socket;
  std::uint16_t port = 0;
};
Expected<KeptPort> keep_port(const std::string& host, std::uint16_t port);  // port 0: any free one

class TcpListener {
 public:
  struct Calls {
    std::function<void(Descriptor socket, TcpPeer peer)> accepted;
    // Descriptors have run out: close something that is not needed. False: there is nothing such.
    std::function<bool()> make_room = [] { return false; };
  };

  // Problems: `conflict` (the port is taken), `refused` (not allowed, such as a port below 1024),
  // `invalid` (no such address). Port 0: any free one. A name is resolved here and now; IPv4 is
  // taken where it has both. `shares_port`: others that share it too, of the same user, may listen
  // there as well, and the kernel spreads those who come.
  static Expected<std::unique_ptr<TcpListener>> open(Loop& loop, const std::string& host,
                                                     std::uint16_t port, Calls calls,
                                                     bool shares_port = false);
  ~TcpListener();
  std::uint16_t port() const { return port_; }

 private:
  TcpListener(Loop& loop, Descriptor socket, std::uint16_t port, Calls calls);
  void accept_ready();
  void pause();

  Loop& loop_;
  Descriptor socket_;
  std::uint16_t port_;
  Calls calls_;
  Loop::TimerId resume_ = 0;
};

}  // namespace utakata::net
