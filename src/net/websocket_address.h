// Where a ws:// or wss:// URL leads. Private to net/websocket_client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "net/socket_end.h"

namespace utakata::net {

struct WebSocketUrl {
  std::string authority;  // as in the Host header
  std::string host;       // without brackets
  std::string port;
  std::string target;  // path and query
  bool is_tls = false;
};
Expected<WebSocketUrl> websocket_url(std::string_view url);

// Numbers and `localhost` are known at once.
std::vector<TcpAddress> known_addresses(const WebSocketUrl& url);

}  // namespace utakata::net
