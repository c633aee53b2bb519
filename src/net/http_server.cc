#include "net/http_server.h"

#include <utility>
#include <vector>

#include "net/http_connections.h"
#include "net/tcp.h"

namespace utakata::net {

struct HttpServer::State {
  State(Loop& a_loop, Handler handler, HttpLimits limits)
      : loop(a_loop), connections(a_loop, std::move(handler), limits) {}
  Loop& loop;
  HttpConnections connections;
  std::vector<std::unique_ptr<TcpListener>> listeners;
};

HttpServer::HttpServer(Loop& loop, Handler handler, HttpLimits limits)
    : state_(std::make_unique<State>(loop, std::move(handler), limits)) {}
HttpServer::~HttpServer() = default;

Expected<std::uint16_t> HttpServer::listen(const std::string& host, std::uint16_t port) {
  auto& connections = state_->connections;
  auto listener =
      TcpListener::open(state_->loop, host, port,
                        {.accepted =
                             [&connections](Descriptor socket, TcpPeer peer) {
                               connections.add(std::move(socket), std::move(peer));
                             },
                         .make_room = [&connections] { return connections.close_oldest_idle(); }});
  if (!listener) return std::unexpected(listener.error());
  return state_->listeners.emplace_back(std::move(*listener))->port();
}

Expected<std::uint16_t> HttpServer::listen_tls(const std::string&, std::uint16_t, const TlsFiles&) {
  return problem(Problem::Kind::invalid, "listen: TLS is not built yet");
}

}  // namespace utakata::net
