// From the names of hosts to their addresses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "net/loop.h"
#include "net/socket_end.h"

namespace utakata::net {

using TcpAddresses = std::vector<TcpAddress>;  // at least one

// `flags` as in getaddrinfo(3). Blocks, but for AI_NUMERICHOST. `unavailable`, in the resolver's
// words, without the name: there is no such host, or the resolver cannot be asked now.
Expected<TcpAddresses> tcp_addresses(const std::string& host, const std::string& port, int flags);

// Name lookups, each on a thread of its own: getaddrinfo(3) blocks for as long as it likes, and
// cannot be called off; a loop that has one under way by libuv could not end before it.
class NameLookup {
 public:
  using Found = std::function<void(const Expected<TcpAddresses>&)>;  // on the loop
  explicit NameLookup(Loop& loop);
  ~NameLookup();  // answers that come later are dropped
  // False: 16 are under way already.
  bool ask(const std::string& host, const std::string& port, Found found);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace utakata::net
