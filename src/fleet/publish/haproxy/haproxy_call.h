// One exchange with HAProxy's runtime API, over a connection of its own: the process that a reload
// has replaced goes on answering on connections that it has. Loop thread only.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/model/stack.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "net/name_lookup.h"

namespace utakata {

class HaproxyCall {
 public:
  // All that was answered before the connection closed; may be empty. A problem says what helps,
  // without the place.
  using Done = std::function<void(Expected<std::string>)>;

  // `done` is called once, never within this, and may destroy it.
  HaproxyCall(net::Loop& loop, const HaproxySpec& to, std::string line, Duration within, Done done);
  ~HaproxyCall();
  HaproxyCall(const HaproxyCall&) = delete;
  HaproxyCall& operator=(const HaproxyCall&) = delete;

 private:
  void dial();
  void connect(const sockaddr* at, socklen_t size);
  void ready();
  bool send();  // false: that was the end of it
  void receive();
  void overdue();
  void failed(int error);
  void end(Expected<std::string> what);

  net::Loop& loop_;
  const HaproxySpec& to_;
  const std::string line_;
  const Duration within_;
  Done done_;
  net::NameLookup lookup_;
  net::Descriptor socket_;
  std::size_t sent_ = 0;
  std::string answer_;
  Instant asked_at_;
  net::Loop::TimerId begin_ = 0, deadline_ = 0;
};

}  // namespace utakata
