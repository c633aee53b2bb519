// utakata-realtime on one loop: WebSockets of Pusher clients and the HTTP API on one port, for any
// number of tenants. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "net/loop.h"
#include "realtime/pusher/app.h"
#include "realtime/server/sockets.h"

namespace utakata::realtime {

struct ServerSettings {
  std::vector<TenantSpec> tenants{};
  SocketLimits sockets{};
};

class Server {
 public:
  Server(net::Loop& loop, ServerSettings settings);
  ~Server();  // cuts everybody
  // Problems: those of net::HttpServer::listen. Port 0: any free one.
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  std::size_t clients() const;
  std::int64_t accepted() const;  // ever

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::realtime
