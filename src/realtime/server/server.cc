#include "realtime/server/server.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "net/http_server.h"
#include "net/secret.h"
#include "net/websocket.h"
#include "realtime/pusher/api.h"
#include "wire/websocket_handshake.h"

namespace utakata::realtime {
namespace {

constexpr int kProtocolFirst = 5, kProtocolLast = 7;

// Behind a prefix, up to the next slash; the path loses both.
std::string_view take_name(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  return name;
}

struct Refusal {
  int code;
  std::string why;
};

std::optional<Refusal> version_refusal(std::string_view query) {
  const std::string text = api_parameter(query, "protocol");
  int version = 0;
  if (text.empty()) return Refusal{pusher_code::no_version, "No protocol version was supplied."};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    return Refusal{pusher_code::bad_version, "The protocol version must be a number."};
  if (version < kProtocolFirst || version > kProtocolLast)
    return Refusal{pusher_code::unsupported_version,
                   fmt::format("Protocol version {} is not supported, {} to {} are.", version,
                               kProtocolFirst, kProtocolLast)};
  return std::nullopt;
}

}  // namespace

class Server::State final : public PusherOut {
 public:
  State(net::Loop& loop, ServerSettings settings)
      : loop_(loop),
        settings_(std::move(settings)),
        http_(loop, [this](const net::HttpRequest& request, net::HttpReply reply) {
          answer(request, std::move(reply));
        }) {
    http_.on_upgrade([this](const net::HttpRequest& request, const net::TcpPeer&,
                            net::Descriptor socket) { upgrade(request, std::move(socket)); });
    for (const TenantSpec& tenant : settings_.tenants)
      apps_.push_back(
          std::make_unique<PusherApp>(tenant, *this, [] { return net::random_token(12); }));
    sweep_ = loop.every(1s, [this] {
      for (const auto& app : apps_) app->expire(loop_.turn_time());
    });
  }
  ~State() override { loop_.cancel(sweep_); }

  void say(ClientSlot client, const std::string& text) override {
    if (auto& socket = clients_[client].socket) socket->send(wire::WebSocketKind::text, text);
  }
  void say_all(std::span<const ClientSlot> clients, const std::string& text,
               std::optional<ClientSlot> but) override {
    for (const ClientSlot client : clients)
      if (client != but) say(client, text);
  }
  void end(ClientSlot client, int code, const std::string& why) override {
    if (auto& socket = clients_[client].socket) socket->close(std::uint16_t(code), why);
  }

  net::HttpServer& http() { return http_; }
  std::size_t here() const { return here_; }
  std::int64_t accepted() const { return accepted_; }

 private:
  struct Client {
    std::unique_ptr<net::WebSocket> socket;
    PusherApp* app = nullptr;  // none: it was refused, and is told so
  };

  void upgrade(const net::HttpRequest& request, net::Descriptor socket) {
    const std::string hello = wire::websocket_answer(request.header("sec-websocket-key"));
    if (net::tcp_send(socket.get(), hello).bytes != hello.size()) return;  // a fresh one takes it
    const ClientSlot slot = free_slot();
    Client& client = clients_[slot];
    client.socket = std::make_unique<net::WebSocket>(
        loop_, std::move(socket), wire::WebSocketRole::server,
        net::WebSocketSettings{.message_bytes = settings_.message_bytes,
                               .backlog_bytes = settings_.backlog_bytes});
    client.socket->start({.message =
                              [this, slot](wire::WebSocketKind, std::string_view text) {
                                if (PusherApp* const app = clients_[slot].app)
                                  app->says(slot, text, loop_.turn_time());
                              },
                          .ended = [this, slot](const net::WebSocketEnd&) { gone(slot); }});
    const auto app = admit(request);
    if (!app) {
      say(slot, say_error(app.error().code, app.error().why));
      return end(slot, app.error().code, app.error().why);
    }
    client.app = *app;
    ++here_;
    ++accepted_;
    (*app)->opens(slot, fmt::format("{}.{}", process_, ++serial_));
  }

  std::expected<PusherApp*, Refusal> admit(const net::HttpRequest& request) {
    std::string_view path = request.path;
    const std::string_view key = take_name(path, "/app/");
    if (key.empty() || (!path.empty() && path != "/"))
      return std::unexpected(Refusal{pusher_code::no_such_path, "WebSockets are at /app/KEY."});
    PusherApp* found = nullptr;
    for (const auto& app : apps_)
      if (app->spec().key.key == key) found = app.get();
    if (!found)
      return std::unexpected(
          Refusal{pusher_code::no_such_app,
                  fmt::format("There is no app of the key {}.", json_text(key.substr(0, 40)))});
    if (!found->spec().is_enabled)
      return std::unexpected(Refusal{pusher_code::app_disabled, "This app is disabled."});
    if (auto refusal = version_refusal(request.query)) return std::unexpected(*refusal);
    if (found->clients() >= std::size_t(found->spec().connections_max))
      return std::unexpected(Refusal{pusher_code::over_quota,
                                     fmt::format("This app may have {} connections at a time.",
                                                 found->spec().connections_max)});
    return found;
  }

  ClientSlot free_slot() {
    if (free_.empty()) {
      clients_.emplace_back();
      return ClientSlot(clients_.size() - 1);
    }
    const ClientSlot slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void gone(ClientSlot slot) {
    if (PusherApp* const app = std::exchange(clients_[slot].app, nullptr)) {
      --here_;
      app->leaves(slot, loop_.turn_time());
    }
    clients_[slot].socket.reset();
    free_.push_back(slot);
  }

  void answer(const net::HttpRequest& request, net::HttpReply reply) {
    if (request.path == "/healthz")
      return reply.send({.content_type = "text/plain", .body = "ok\n"});
    if (request.path == "/stats")
      return reply.send(
          {.body = fmt::format(R"({{"connections":{},"accepted":{}}})", here_, accepted_)});
    std::string_view path = request.path;
    const std::string_view id = take_name(path, "/apps/");
    for (const auto& app : apps_) {
      if (id.empty() || app->spec().id != id) continue;
      const ApiAnswer answer =
          api_answer(*app, {request.method, request.path, request.query, request.body}, path,
                     net::SystemClock().wall().time_since_epoch() / std::chrono::seconds{1},
                     loop_.turn_time());
      return reply.send(
          {.status = answer.status, .content_type = answer.type, .body = answer.body});
    }
    reply.send({.status = 404, .content_type = "text/plain", .body = "There is no such path.\n"});
  }

  net::Loop& loop_;
  const ServerSettings settings_;
  std::vector<std::unique_ptr<PusherApp>> apps_;
  std::vector<Client> clients_;  // by slot
  std::vector<ClientSlot> free_;
  std::size_t here_ = 0;
  std::int64_t accepted_ = 0;
  const std::uint64_t process_ = std::hash<std::string>{}(net::random_token()) % 1'000'000'000;
  std::uint64_t serial_ = 0;
  net::HttpServer http_;
  net::Loop::TimerId sweep_ = 0;
};

Server::Server(net::Loop& loop, ServerSettings settings)
    : state_(std::make_unique<State>(loop, std::move(settings))) {}
Server::~Server() = default;

Expected<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port) {
  return state_->http().listen(host, port);
}
std::size_t Server::clients() const { return state_->here(); }
std::int64_t Server::accepted() const { return state_->accepted(); }

}  // namespace utakata::realtime
