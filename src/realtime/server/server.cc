#include "realtime/server/server.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "net/http_server.h"
#include "net/secret.h"
#include "realtime/pusher/api.h"
#include "realtime/server/fanout.h"
#include "realtime/server/sockets.h"
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
        sockets_(loop, settings_.sockets,
                 {.message =
                      [this](ClientSlot client, std::string_view text) {
                        if (PusherApp* const app = apps_of_[client])
                          app->says(client, text, loop_.turn_time());
                      },
                  .gone = [this](ClientSlot client) { gone(client); }}),
        fanout_([this](ClientSlot client, const Frame& frame) { sockets_.send(client, frame); }),
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
    sockets_.send(client, text_frame(text));
  }
  void say_all(std::string_view channel, Readers clients, const std::string& text,
               std::optional<ClientSlot> but) override {
    fanout_.publish(channel, std::move(clients), text_frame(text), but);
    go_on_later();
  }
  void end(ClientSlot client, int code, const std::string& why) override {
    sockets_.close(client, std::uint16_t(code), why);
  }

  net::HttpServer& http() { return http_; }
  std::size_t here() const {
    std::size_t all = 0;
    for (const auto& app : apps_) all += app->clients();
    return all;
  }
  std::int64_t accepted() const { return accepted_; }

 private:
  // Who reads is served between two slices.
  void go_on_later() {
    if (!fanout_.is_busy() || std::exchange(is_going_on_, true)) return;
    loop_.after(Duration{0}, [this] {
      is_going_on_ = false;
      fanout_.go_on();
      go_on_later();
    });
  }

  void upgrade(const net::HttpRequest& request, net::Descriptor socket) {
    const std::string hello = wire::websocket_answer(request.header("sec-websocket-key"));
    if (net::tcp_send(socket.get(), hello).bytes != hello.size()) return;  // a fresh one takes it
    const ClientSlot client = sockets_.add(std::move(socket));
    if (client >= apps_of_.size()) apps_of_.resize(client + 1);
    const auto app = admit(request);
    if (!app) {
      say(client, say_error(app.error().code, app.error().why));
      return end(client, app.error().code, app.error().why);
    }
    apps_of_[client] = *app;
    ++accepted_;
    (*app)->opens(client, fmt::format("{}.{}", process_, ++serial_));
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

  void gone(ClientSlot client) {
    PusherApp* const app = std::exchange(apps_of_[client], nullptr);
    if (!app) return;
    fanout_.leaves(client);
    app->leaves(client, loop_.turn_time());
  }

  void answer(const net::HttpRequest& request, net::HttpReply reply) {
    if (request.path == "/healthz")
      return reply.send({.content_type = "text/plain", .body = "ok\n"});
    if (request.path == "/stats")
      return reply.send(
          {.body = fmt::format(R"({{"connections":{},"accepted":{}}})", here(), accepted_)});
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
  std::vector<PusherApp*> apps_of_;  // by slot; none: it was refused, and is told so
  bool is_going_on_ = false;
  std::int64_t accepted_ = 0;
  const std::uint64_t process_ = std::hash<std::string>{}(net::random_token()) % 1'000'000'000;
  std::uint64_t serial_ = 0;
  Sockets sockets_;
  Fanout fanout_;
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
