#include "net/http_server.h"

#include <utility>
#include <vector>

#include "net/http_connections.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace utakata::net {

struct HttpServer::State {
  State(Loop& a_loop, Handler handler, HttpLimits limits)
      : loop(a_loop), connections(a_loop, std::move(handler), limits) {}
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port, TlsIdentity* tls,
                                 const ListenOptions& options);

  Loop& loop;
  std::function<void(const std::string&)> say;
  HttpConnections connections;
  std::vector<std::unique_ptr<TlsIdentity>> identities;
  std::vector<std::unique_ptr<TcpListener>> listeners;
};

Expected<std::uint16_t> HttpServer::State::listen(const std::string& host, std::uint16_t port,
                                                  TlsIdentity* tls, const ListenOptions& options) {
  const auto accepted = [this, tls](Descriptor socket, TcpPeer peer) {
    auto stream = tls ? tls->accept(socket.get()) : nullptr;
    connections.add(std::move(socket), std::move(peer), std::move(stream));
  };
  const auto make_room = [this] { return connections.close_oldest_idle(); };
  auto listener = TcpListener::open(
      loop, host, port, {.accepted = accepted, .make_room = make_room}, options.shares_port);
  if (!listener) return std::unexpected(listener.error());
  return listeners.emplace_back(std::move(*listener))->port();
}

HttpServer::HttpServer(Loop& loop, Handler handler, HttpLimits limits)
    : state_(std::make_unique<State>(loop, std::move(handler), limits)) {}
HttpServer::~HttpServer() = default;

Expected<std::uint16_t> HttpServer::listen(const std::string& host, std::uint16_t port,
                                           const ListenOptions& options) {
  return state_->listen(host, port, nullptr, options);
}

Expected<std::uint16_t> HttpServer::listen_tls(const std::string& host, std::uint16_t port,
                                               const TlsFiles& files,
                                               const ListenOptions& options) {
  const auto say = [state = state_.get()](const std::string& sentence) {
    if (state->say) state->say(sentence);
  };
  auto identity =
      TlsIdentity::open(state_->loop, files.certificate, files.key, say, files.look_every);
  if (!identity) return std::unexpected(identity.error());
  auto* const tls = state_->identities.emplace_back(std::move(*identity)).get();
  return state_->listen(host, port, tls, options);
}

std::size_t HttpServer::connections() const { return state_->connections.open(); }

void HttpServer::send_together(std::function<bool()> before) {
  state_->connections.send_together(std::move(before));
}

void HttpServer::on_upgrade(Upgrade take) { state_->connections.on_upgrade(std::move(take)); }

void HttpServer::on_upgrade_tls(UpgradeTls take) {
  state_->connections.on_upgrade_tls(std::move(take));
}

void HttpServer::on_divert(Wants wants, Take take) {
  state_->connections.on_divert({std::move(wants), std::move(take)});
}

void HttpServer::adopt(TcpPeer peer, std::string_view bytes, Descriptor socket) {
  state_->connections.adopt(std::move(socket), std::move(peer), bytes);
}

void HttpServer::on_notice(std::function<void(const std::string& sentence)> say) {
  state_->say = std::move(say);
}

}  // namespace utakata::net
