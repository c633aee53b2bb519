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

namespace utakata::realtime {

struct ServerSettings {
  std::vector<TenantSpec> tenants{};
  std::size_t message_bytes = 64 * 1024;    // of one message of a client
  std::size_t backlog_bytes = 1024 * 1024;  // unsent; who reads more slowly than that is cut
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
