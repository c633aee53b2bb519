// Where a ws:// URL leads. Private to net/websocket_client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "net/loop.h"
#include "net/socket_end.h"

namespace utakata::net {

struct WebSocketUrl {
  std::string authority;  // as in the Host header
  std::string host;       // without brackets
  std::string port;
  std::string target;  // path and query
};
Expected<WebSocketUrl> websocket_url(std::string_view url);

// Numbers and `localhost` are known at once.
std::vector<TcpAddress> known_addresses(const WebSocketUrl& url);

// Name lookups, each on a thread of its own: getaddrinfo(3) blocks for as long as it likes, and
// cannot be called off.
class NameLookup {
 public:
  using Found =
      std::function<void(std::vector<TcpAddress>)>;  // on the loop; empty: there is no such name
  explicit NameLookup(Loop& loop);
  ~NameLookup();                                   // answers that come later are dropped
  bool ask(const WebSocketUrl& url, Found found);  // false: 16 are under way already

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace utakata::net
