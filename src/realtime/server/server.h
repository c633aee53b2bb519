// utakata-realtime on one loop: clients of Pusher and of Socket.IO and the HTTP API on one port,
// for any number of tenants. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "realtime/bus/bus.h"
#include "realtime/host/host_bus.h"
#include "realtime/server/doorkeeper.h"
#include "realtime/server/drain.h"
#include "realtime/server/engine_sessions.h"
#include "realtime/server/sockets.h"
#include "realtime/tenants/tenant.h"

namespace utakata::realtime {

// Where it is one of many workers: they share a port, and a parent starts them.
struct ServerHost {
  HostBus* line = nullptr;  // to the parent; outlives the server. None: it is alone
  std::size_t index = 0, workers = 1;
};

struct ServerSettings {
  std::vector<Tenant> tenants{};  // ids and keys differ
  SocketLimits sockets{};
  EngineSettings engine{};
  SocketIoSpec socketio{};
  ServerHost host{};
  Bus* bus = nullptr;   // to the other processes of its cluster; outlives the server. None: alone
  std::string token{};  // who tells it to drain, or lends it time, shows this; empty: nobody may
  TicketSettings tickets{};
};

class Server {
 public:
  Server(net::Loop& loop, ServerSettings settings);
  ~Server();  // cuts everybody
  // Problems: those of net::HttpServer::listen. Port 0: any free one.
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  // The same over TLS, beside the other or instead of it. `say` hears of certificates read anew,
  // and of those that could not be.
  Expected<std::uint16_t> listen_tls(const std::string& host, std::uint16_t port,
                                     const net::TlsFiles& files,
                                     std::function<void(const std::string& sentence)> say);
  // Other tenants, or the same with other limits. Who is here stays, unless its tenant is disabled
  // or gone.
  void respec(std::vector<Tenant> tenants);
  void drain(const DrainOrder& order);
  // As the parent tells all workers (control.h); and what another worker handed over.
  std::string obey(std::string_view order);
  void adopt(std::string_view bytes, net::Descriptor socket);
  // It drains, and nobody is here any more.
  void on_empty(std::function<void()> call);
  // Before it ends: clients of Socket.IO that went lately may come again elsewhere. `done` is
  // called once, within a second.
  void leave_seats(std::function<void()> done);
  // The time that it was lent (`PUT /lease`) is over: others may serve in its place by now.
  void on_fenced(std::function<void()> call);
  std::size_t clients() const;
  std::int64_t accepted() const;  // ever

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::realtime
