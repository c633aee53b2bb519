#include "realtime/server/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "net/http_server.h"
#include "net/secret.h"
#include "realtime/pusher/api.h"
#include "realtime/server/fanout.h"
#include "realtime/server/sockets.h"
#include "realtime/server/webhook_sender.h"
#include "wire/digest.h"
#include "wire/prometheus.h"
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

constexpr std::string_view kComeLater =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

struct Refusal {
  int code;
  std::string why;
};

// Browsers say whose page wants it (RFC 6455 section 10.2); who says nothing is no browser.
bool is_origin_welcome(const TenantSpec& tenant, std::string_view origin) {
  return tenant.origins.empty() || origin.empty() ||
         std::ranges::find(tenant.origins, origin) != tenant.origins.end();
}

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
                  .gone = [this](ClientSlot client) { gone(client); },
                  .silent =
                      [this](ClientSlot client, bool again) {
                        if (PusherApp* const app = apps_of_[client]) app->silent(client, again);
                      }}),
        fanout_([this](ClientSlot client, const Frame& frame, Topic topic, Twin& twin) {
          sockets_.send(client, frame, topic, &twin);
        }),
        http_(loop, [this](const net::HttpRequest& request, net::HttpReply reply) {
          answer(request, std::move(reply));
        }) {
    http_.on_upgrade([this](const net::HttpRequest& request, const net::TcpPeer&,
                            net::Descriptor socket) { upgrade(request, std::move(socket)); });
    respec(std::move(settings_.tenants));
    sweep_ = loop.every(1s, [this] {
      std::erase_if(leaving_, [](const auto& app) { return app->clients() == 0; });
      for (const auto& [id, app] : apps_) app->expire(loop_.turn_time());
    });
  }
  ~State() override {
    loop_.cancel(sweep_);
    loop_.cancel(closing_);
    loop_.cancel(lease_);
  }

  void respec(std::vector<Tenant> tenants) {
    std::map<std::string, std::unique_ptr<PusherApp>, std::less<>> apps;
    std::map<std::string, std::unique_ptr<WebhookSender>> senders;
    by_key_.clear();
    for (auto& [spec, hooks] : tenants) {
      const std::string id = spec.id;
      if (!hooks.empty()) {
        auto& sender = senders_[id];
        if (!sender || !sender->is_for(spec.key, hooks))
          sender = std::make_unique<WebhookSender>(loop_, client_, spec.key, std::move(hooks));
        senders[id] = std::move(sender);
      }
      auto& app = apps[id];
      if (const auto known = apps_.find(id); known != apps_.end()) {
        app = std::move(known->second);
        app->respec(std::move(spec));
      } else {
        app = std::make_unique<PusherApp>(
            std::move(spec), *this, [] { return net::random_token(12); },
            [this, id](const PusherNews& news) { occurred(id, news); });
      }
      by_key_[app->spec().key.key] = app.get();
      if (!app->spec().is_enabled) app->end_all(pusher_code::app_disabled, "This app is disabled.");
    }
    senders_ = std::move(senders);
    for (auto& [id, app] : std::exchange(apps_, std::move(apps))) {
      if (!app) continue;
      app->end_all(pusher_code::no_such_app, "There is no such app any more.");
      leaving_.push_back(std::move(app));
    }
  }

  void drain(const DrainOrder& order) {
    drain_.take(order, loop_.turn_time());
    loop_.cancel(closing_);
    closing_ = loop_.every(50ms, [this] { close_some(); });
    close_some();
  }

  void say(ClientSlot client, const std::string& text) override {
    sockets_.send(client, text_frame(text));
  }
  void say_all(std::string_view channel, Readers clients, const std::string& text,
               std::optional<ClientSlot> but, bool may_be_missed) override {
    fanout_.publish(channel, std::move(clients), text_frame(text), but,
                    may_be_missed ? topic_of(channel) : 0);
    go_on_later();
  }
  void end(ClientSlot client, int code, const std::string& why) override {
    sockets_.close(client, std::uint16_t(code), why);
  }

  net::HttpServer& http() { return http_; }
  std::size_t here() const {
    std::size_t all = 0;
    for (const auto& [id, app] : apps_) all += app->clients();
    for (const auto& app : leaving_) all += app->clients();
    return all;
  }
  std::int64_t accepted() const { return accepted_; }
  std::function<void()> on_empty = [] {}, on_fenced = [] {};

 private:
  void occurred(const std::string& id, const PusherNews& news) {
    const auto sender = senders_.find(id);
    const auto kind = webhook_kind(news.name);
    if (sender == senders_.end() || !kind) return;
    sender->second->occurred({.kind = *kind,
                              .channel = news.channel,
                              .user_id = news.user,
                              .event = news.event,
                              .data = news.data,
                              .socket_id = news.socket_id,
                              .subscription_count = news.readers});
  }

  void close_some() {
    for (std::int64_t left = drain_.due(loop_.turn_time()); left > 0 && !apps_of_.empty(); --left)
      if (!close_one()) break;
    if (drain_.refuses() && here() > 0) return;
    if (!drain_.refuses() && !drain_.is_over()) return;
    loop_.cancel(closing_);
    if (drain_.refuses()) on_empty();
  }
  // Whoever's turn it is, round all slots.
  bool close_one() {
    for (std::size_t k = 0; k < apps_of_.size(); ++k) {
      next_to_go_ = (next_to_go_ + 1) % apps_of_.size();
      if (!apps_of_[next_to_go_] || !sockets_.is_open(ClientSlot(next_to_go_))) continue;
      end(ClientSlot(next_to_go_), pusher_code::reconnect, "Come back: another place is for you.");
      return true;
    }
    return false;
  }

  // Who reads is served between two slices.
  void go_on_later() {
    if (!fanout_.is_busy() || std::exchange(is_going_on_, true)) return;
    loop_.after(Duration{0}, [this] {
      is_going_on_ = false;
      const Instant begin = loop_.now();
      fanout_.go_on();
      fanout_.took(loop_.now() - begin);
      go_on_later();
    });
  }

  void upgrade(const net::HttpRequest& request, net::Descriptor socket) {
    if (drain_.refuses()) {
      ++refused_;
      (void)net::tcp_send(socket.get(), kComeLater);
      return;
    }
    const auto app = admit(request);
    const auto deflate = app && (*app)->spec().compresses
                             ? wire::agree_to_deflate(request.header("sec-websocket-extensions"))
                             : std::nullopt;
    const std::string hello = wire::websocket_answer(request.header("sec-websocket-key"), {},
                                                     deflate ? deflate->answer : "");
    if (net::tcp_send(socket.get(), hello).bytes != hello.size()) return;  // a fresh one takes it
    const ClientSlot client = sockets_.add(std::move(socket), deflate ? deflate->window_bits : 0);
    if (client >= apps_of_.size()) apps_of_.resize(client + 1);
    if (!app) {
      say(client, say_error(app.error().code, app.error().why));
      return end(client, app.error().code, app.error().why);
    }
    apps_of_[client] = *app;
    sockets_.when_slow(client, (*app)->spec().when_slow);
    ++accepted_;
    (*app)->opens(client, fmt::format("{}.{}", process_, ++serial_),
                  int(settings_.sockets.silent_after / 1s));
  }

  std::expected<PusherApp*, Refusal> admit(const net::HttpRequest& request) {
    std::string_view path = request.path;
    const std::string_view key = take_name(path, "/app/");
    if (key.empty() || (!path.empty() && path != "/"))
      return std::unexpected(Refusal{pusher_code::no_such_path, "WebSockets are at /app/KEY."});
    const auto known = by_key_.find(key);
    PusherApp* const found = known == by_key_.end() ? nullptr : known->second;
    if (!found)
      return std::unexpected(
          Refusal{pusher_code::no_such_app,
                  fmt::format("There is no app of the key {}.", json_text(key.substr(0, 40)))});
    if (!found->spec().is_enabled)
      return std::unexpected(Refusal{pusher_code::app_disabled, "This app is disabled."});
    if (!is_origin_welcome(found->spec(), request.header("origin")))
      return std::unexpected(
          Refusal{pusher_code::unauthorized, "Pages of this origin may not connect to this app."});
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

  bool is_told_by_controller(const net::HttpRequest& request, net::HttpReply& reply) const {
    constexpr std::string_view bearer = "Bearer ";
    const std::string_view shown = request.header("authorization");
    if (!settings_.token.empty() && shown.starts_with(bearer) &&
        wire::constant_time_equal(shown.substr(bearer.size()), settings_.token))
      return true;
    reply.send({.status = settings_.token.empty() ? 403 : 401,
                .content_type = "text/plain",
                .body = settings_.token.empty()
                            ? "It was started without UTAKATA_TOKEN: nobody may tell it that.\n"
                            : "Show the token that it was started with.\n"});
    return false;
  }

  void take_drain(const net::HttpRequest& request, net::HttpReply reply) {
    if (!is_told_by_controller(request, reply)) return;
    const auto order = read_drain_order(request.body);
    if (!order)
      return reply.send({.status = 400, .content_type = "text/plain", .body = order.error().what});
    drain(*order);
    reply.send({.body = stats()});
  }

  // Who lends it time sends `PUT /lease?ms=10000` again before that is over.
  void take_lease(const net::HttpRequest& request, net::HttpReply reply) {
    if (!is_told_by_controller(request, reply)) return;
    const std::string text = api_parameter(request.query, "ms");
    std::int64_t ms = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || ms < 100 ||
        ms > 86'400'000)
      return reply.send({.status = 400,
                         .content_type = "text/plain",
                         .body = "`ms` must be a whole number from 100 to 86400000.\n"});
    loop_.cancel(lease_);
    lease_ = loop_.after(std::chrono::milliseconds(ms), [this] { on_fenced(); });
    reply.send({.body = "{}"});
  }

  std::string stats() const {
    return fmt::format(
        R"({{"connections":{},"accepted":{},"refused":{},"cut_for_slowness":{},"draining":{}}})",
        here(), accepted_, refused_, sockets_.slowness().cut, drain_.refuses());
  }

  std::string metrics() const {
    wire::PrometheusWriter out;
    out.gauge("realtime_connections", "Clients that are here.");
    for (const auto& [id, app] : apps_) out.sample({{"app", id}}, std::int64_t(app->clients()));
    out.counter("realtime_accepted_total", "Clients that were let in.");
    out.sample(accepted_);
    out.counter("realtime_refused_total", "Who came while it drained.");
    out.sample(refused_);
    out.counter("realtime_cut_for_slowness_total", "Clients cut since they read too slowly.");
    out.sample(sockets_.slowness().cut);
    out.counter("realtime_frames_dropped_total", "Frames that slow readers missed.");
    out.sample({{"how", "dropped"}}, sockets_.slowness().dropped);
    out.sample({{"how", "conflated"}}, sockets_.slowness().conflated);
    out.counter("realtime_webhook_events_total", "Events that tenants' servers were told.");
    for (const auto& [id, sender] : senders_)
      out.sample({{"app", id}}, std::int64_t(sender->counts().sent));
    out.counter("realtime_webhook_events_dropped_total", "Events that could not be told.");
    for (const auto& [id, sender] : senders_)
      out.sample({{"app", id}}, std::int64_t(sender->counts().dropped));
    out.gauge("realtime_draining", "1 while it lets nobody in.");
    out.sample(std::int64_t{drain_.refuses()});
    return out.take();
  }

  void answer(const net::HttpRequest& request, net::HttpReply reply) {
    if (request.path == "/healthz")
      return reply.send({.content_type = "text/plain", .body = "ok\n"});
    if (request.path == "/stats") return reply.send({.body = stats()});
    if (request.path == "/metrics")
      return reply.send({.content_type = wire::PrometheusWriter::content_type, .body = metrics()});
    if (request.path == "/drain" && request.method == "POST")
      return take_drain(request, std::move(reply));
    if (request.path == "/lease" && request.method == "PUT")
      return take_lease(request, std::move(reply));
    std::string_view path = request.path;
    const auto app = apps_.find(take_name(path, "/apps/"));
    if (app == apps_.end())
      return reply.send(
          {.status = 404, .content_type = "text/plain", .body = "There is no such path.\n"});
    const ApiAnswer answer = api_answer(
        *app->second, {request.method, request.path, request.query, request.body}, path,
        net::SystemClock().wall().time_since_epoch() / std::chrono::seconds{1}, loop_.turn_time());
    reply.send({.status = answer.status, .content_type = answer.type, .body = answer.body});
  }

  net::Loop& loop_;
  ServerSettings settings_;  // its tenants are where they are now: apps_
  std::map<std::string, std::unique_ptr<PusherApp>, std::less<>> apps_;  // by id
  std::map<std::string, PusherApp*, std::less<>> by_key_;
  net::HttpClient client_{loop_};
  std::map<std::string, std::unique_ptr<WebhookSender>> senders_;  // by the tenant's id
  std::vector<std::unique_ptr<PusherApp>> leaving_;  // of no tenant any more, until all have gone
  std::vector<PusherApp*> apps_of_;  // by slot; none: it was refused, and is told so
  bool is_going_on_ = false;
  std::int64_t accepted_ = 0, refused_ = 0;
  Drain drain_;
  std::size_t next_to_go_ = 0;
  net::Loop::TimerId closing_ = 0, lease_ = 0;
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
void Server::respec(std::vector<Tenant> tenants) { state_->respec(std::move(tenants)); }
void Server::drain(const DrainOrder& order) { state_->drain(order); }
void Server::on_empty(std::function<void()> call) { state_->on_empty = std::move(call); }
void Server::on_fenced(std::function<void()> call) { state_->on_fenced = std::move(call); }
std::size_t Server::clients() const { return state_->here(); }
std::int64_t Server::accepted() const { return state_->accepted(); }

}  // namespace utakata::realtime
