// A WebSocket's opening handshake (RFC 6455 section 4.1) as a question: does whoever listens there
// still answer? A frozen process accepts connections; only a living one sends the 101.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/problem.h"
#include "fleet/model/instance.h"
#include "net/descriptor.h"
#include "net/loop.h"

struct sockaddr;

namespace utakata {

// Loop thread only. Has no deadline of its own: destroy it, or hang up, when it took too long.
class Handshake {
 public:
  // `heard` is called once, never before the constructor has returned. Problems: `unavailable` (no
  // connection, no such name, hung up), `refused` (another answer than 101).
  Handshake(net::Loop& loop, const Address& address, const std::string& path,
            std::function<void(Expected<void>)> heard);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  void
  hang_up();  // at once and by a reset, so that it is no client any more; nothing is heard after it

 private:
  struct Lookup;
  void resolve(const Address& address);
  void dial(const sockaddr* to, unsigned size);
  void on_ready(std::uint32_t events);
  void write();
  void read();
  void finish(Expected<void> granted);
  void fail(std::string what);

  net::Loop& loop_;
  std::function<void(Expected<void>)> heard_;
  std::string where_, key_, unsent_, received_;
  net::Descriptor socket_;
  bool is_connected_ = false;
  Lookup* lookup_ = nullptr;  // the loop's thread pool has it; it outlives us if need be
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata
