#include "realtime/server/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/http_server.h"
#include "net/secret.h"
#include "realtime/pusher/api.h"
#include "realtime/server/admission.h"
#include "realtime/server/apps.h"
#include "realtime/server/control.h"
#include "realtime/server/doorkeeper.h"
#include "realtime/server/engine_sessions.h"
#include "realtime/server/fanout.h"
#include "realtime/server/peers.h"
#include "realtime/server/sockets.h"
#include "realtime/server/sync_clock.h"
#include "wire/digest.h"
#include "wire/prometheus.h"

namespace utakata::realtime {
namespace {

constexpr std::string_view kEnginePath = "/socket.io/";
constexpr std::string_view kComeLater =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

}  // namespace

class Server::State final : public PusherOut {
 public:
  State(net::Loop& loop, ServerSettings settings)
      : loop_(loop),
        settings_(std::move(settings)),
        sockets_(loop, settings_.sockets, socket_calls()),
        engine_(loop, sockets_, settings_.engine, settings_.host.index, engine_calls()),
        fanout_([this](ClientSlot client, const Frame& frame, Topic topic, Twin& twin) {
          sockets_.send(client, frame, topic, &twin);
        }),
        apps_(loop, settings_.socketio,
              {*this,
               [this](const std::string& id) { return std::make_unique<SocketIoVoice>(*this, id); },
               [this](const std::string& id, App& app) {
                 if (peers_) peers_->meets(id, app);
                 sync_clock_.meets(app);
               },
               settings_.bus != nullptr, [this] { return fanout_.is_full(); }}),
        sync_clock_(loop, apps_,
                    [this] {
                      if (peers_) peers_->say();
                    }),
        door_(loop, settings_.tickets,
              {[this](ClientSlot client) {
                 if (is_open(client)) let_in(client);
               },
               [this](ClientSlot client, const Doorkeeper::TurnedAway& turned) {
                 turn_away(client, turned);
               }}),
        control_(settings_.token, settings_.host.line, settings_.host.workers, control_calls()),
        http_(loop, [this](const net::HttpRequest& request, net::HttpReply reply) {
          answer(request, std::move(reply));
        }) {
    if (settings_.host.line && settings_.host.workers > 1) divert_to_others();
    http_.on_upgrade([this](const net::HttpRequest& request, const net::TcpPeer&,
                            net::Descriptor socket) { upgrade(request, {std::move(socket)}); });
    http_.on_upgrade_tls([this](const net::HttpRequest& request, const net::TcpPeer&,
                                net::Descriptor socket, std::unique_ptr<net::TlsStream> tls) {
      upgrade(request, {std::move(socket), std::move(tls)});
    });
    apps_.respec(std::move(settings_.tenants));
    if (settings_.bus) peers_.emplace(loop, *settings_.bus, apps_);
    sweep_ = loop.every(1s, [this] { apps_.expire(); });
  }
  ~State() override {
    loop_.cancel(sweep_);
    loop_.cancel(closing_);
    loop_.cancel(lease_);
  }

  void respec(std::vector<Tenant> tenants) {
    apps_.respec(std::move(tenants));
    if (peers_) peers_->tenants_changed();
  }

  void drain(const DrainOrder& order) {
    drain_.take(order, loop_.turn_time());
    loop_.cancel(closing_);
    closing_ = loop_.every(50ms, [this] { close_some(); });
    close_some();
  }

  void say(ClientSlot client, std::string_view text) override {
    sockets_.send(client, sockets_.text_frame(text));
  }
  void say_all(std::string_view channel, Readers clients, std::string_view text,
               std::optional<ClientSlot> but, bool may_be_missed) override {
    fanout_.publish(channel, std::move(clients), sockets_.text_frame(text), but,
                    may_be_missed ? topic_of(channel) : 0);
    go_on_later();
  }
  void end(ClientSlot client, int code, const std::string& why) override {
    sockets_.close(client, std::uint16_t(code), why);
  }

  net::HttpServer& http() { return http_; }
  const ServerHost& host() const { return settings_.host; }
  std::string obey(std::string_view order) { return control_.obey(order); }
  // A connection whose request names a session that is here. `bytes`: as diverted() made them.
  void adopt(std::string_view bytes, net::Descriptor socket) {
    const std::size_t end = bytes.find('\n');
    if (end == bytes.npos || end < 1) return;
    http_.adopt({.address = std::string(bytes.substr(1, end - 1)), .is_loopback = bytes[0] == 'l'},
                bytes.substr(end + 1), std::move(socket));
  }
  Apps& apps() { return apps_; }
  std::size_t here() const { return here_; }
  std::int64_t accepted() const { return accepted_; }
  std::function<void()> on_empty = [] {}, on_fenced = [] {};

 private:
  struct Client {
    App* app = nullptr;  // none: nobody, or it was refused, and is told so
    Dialect dialect = Dialect::pusher;
  };
  // One tenant's clients of Socket.IO. They hear all in one order, whatever the channel.
  struct SocketIoVoice final : SocketIoOut {
    SocketIoVoice(State& of, const std::string& id) : all(of), lane("socket.io " + id) {}
    State& all;
    const std::string lane;

    void say(ClientSlot client, const std::string& text) override { all.engine_.say(client, text); }
    void say_all(std::string_view channel, Readers clients, const std::string& text,
                 std::span<const std::string> attachments, std::optional<ClientSlot> but,
                 bool may_be_missed) override {
      auto frame = std::make_shared<std::string>();
      append_frame(*frame, wire::WebSocketKind::text, engine_text(EngineType::message, text));
      for (const std::string& each : attachments)
        append_frame(*frame, wire::WebSocketKind::binary, each);
      all.fanout_.publish(lane, std::move(clients), std::move(frame), but,
                          may_be_missed ? topic_of(channel) : 0);
      all.go_on_later();
    }
    void end(ClientSlot client, const std::string&) override { all.engine_.end(client); }
  };

  Sockets::Calls socket_calls() {
    return {.message =
                [this](ClientSlot client, wire::WebSocketKind kind, std::string_view payload) {
                  if (engine_.owns(client)) return engine_.socket_says(client, kind, payload);
                  if (App* const app = clients_[client].app)
                    app->pusher().says(client, payload, loop_.turn_time());
                },
            .gone =
                [this](ClientSlot client) {
                  if (engine_.owns(client)) return engine_.socket_gone(client);
                  gone(client);
                },
            .silent =
                [this](ClientSlot client, bool again) {
                  if (engine_.owns(client)) return;  // it has pings of its own
                  if (App* const app = clients_[client].app) app->pusher().silent(client, again);
                },
            .elsewhere = [this](ClientSlot client, const Frame& frame,
                                Topic topic) { engine_.elsewhere(client, frame, topic); }};
  }

  EngineSessions::Calls engine_calls() {
    return {.admit = [this](const net::HttpRequest& request) { return admit_engine(request); },
            .is_welcome =
                [this](const net::HttpRequest& request) {
                  App* const app = engine_app(request);
                  return app && is_origin_welcome(app->spec(), request.header("origin"));
                },
            .opened =
                [this](ClientSlot client, App& app, const net::HttpRequest& request) {
                  opened(client, app, Dialect::socketio, request);
                },
            .heard =
                [this](ClientSlot client, const EnginePacket& packet) {
                  App* const app = clients_[client].app;
                  if (!app) return;
                  if (packet.is_binary)
                    app->socketio().says_bytes(client, packet.data, loop_.turn_time());
                  else
                    app->socketio().says(client, packet.data, loop_.turn_time());
                },
            .gone = [this](ClientSlot client) { gone(client); }};
  }

  // Of polls and upgrades that any worker may have accepted: the session is at one.
  void divert_to_others() {
    http_.on_divert(
        [this](const net::HttpRequest& request) {
          if (!request.path.starts_with(kEnginePath)) return false;
          const auto worker = engine_worker(api_parameter(request.query, "sid"));
          return worker && *worker != settings_.host.index && *worker < settings_.host.workers;
        },
        [this](const net::TcpPeer& peer, std::string bytes, net::Descriptor socket) {
          const std::string_view line = std::string_view(bytes).substr(0, bytes.find("\r\n"));
          const std::size_t query = line.find('?');
          const auto worker = engine_worker(api_parameter(
              line.substr(std::min(line.size(), query + 1), line.rfind(' ') - query - 1), "sid"));
          if (!worker) return;
          settings_.host.line->hand_over(
              *worker, fmt::format("{}{}\n{}", peer.is_loopback ? 'l' : 'r', peer.address, bytes),
              std::move(socket));
        });
  }

  void opened(ClientSlot client, App& app, Dialect dialect, const net::HttpRequest& request) {
    if (client >= clients_.size()) clients_.resize(client + 1);
    clients_[client] = {&app, dialect};
    app.came();
    ++here_;
    const auto is_in =
        door_.comes(client, door_.looks_at_tickets() ? shown_ticket(request) : std::string());
    if (dialect == Dialect::socketio)
      app.socketio().opens(client, loop_.turn_time(), true);
    else
      app.pusher().opens(client, SocketId::of(process_, ++serial_), true);
    if (!is_in) return turn_away(client, is_in.error());
    if (*is_in) let_in(client);
  }

  bool is_open(ClientSlot client) const {
    return clients_[client].dialect == Dialect::socketio ? engine_.is_open(client)
                                                         : sockets_.is_open(client);
  }

  void let_in(ClientSlot client) {
    const auto [app, dialect] = clients_[client];
    ++accepted_;
    if (dialect == Dialect::socketio)
      app->socketio().lets_in(client, loop_.turn_time());
    else
      app->pusher().lets_in(client, int(settings_.sockets.silent_after / 1s));
  }

  void turn_away(ClientSlot client, const Doorkeeper::TurnedAway& turned) {
    const auto [app, dialect] = clients_[client];
    if (dialect == Dialect::socketio) return app->socketio().turns_away(client, turned.why);
    app->pusher().turns_away(
        client, turned.may_come_again ? pusher_code::over_capacity : pusher_code::unauthorized,
        turned.why);
  }

  void close_some() {
    for (std::int64_t left = drain_.due(loop_.turn_time()); left > 0 && here_ > 0; --left)
      if (!close_one()) break;
    if (drain_.refuses() && here_ > 0) return;
    if (!drain_.refuses() && !drain_.is_over()) return;
    loop_.cancel(closing_);
    if (!drain_.refuses()) return;
    if (peers_) peers_->bye();
    on_empty();
  }
  // Whoever's turn it is, round all slots.
  bool close_one() {
    for (std::size_t k = 0; k < clients_.size(); ++k) {
      next_to_go_ = (next_to_go_ + 1) % clients_.size();
      const auto client = ClientSlot(next_to_go_);
      if (!clients_[client].app) continue;
      if (!is_open(client)) continue;
      if (clients_[client].dialect == Dialect::socketio)
        engine_.end(client);
      else
        end(client, pusher_code::reconnect, "Come back: another place is for you.");
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

  void upgrade(const net::HttpRequest& request, NewSocket socket) {
    if (request.path.starts_with(kEnginePath)) return engine_.upgrade(request, std::move(socket));
    if (drain_.refuses()) {
      ++refused_;
      (void)socket.send(kComeLater);
      return;
    }
    const auto app = admit(request);
    const bool compresses = app && (*app)->spec().compresses;
    if (!take_websocket(request, compresses, socket)) return;  // a fresh one takes it
    const ClientSlot client = sockets_.add(std::move(socket));
    if (client >= clients_.size()) clients_.resize(client + 1);
    if (!app) {
      say(client, say_error(app.error().code, app.error().why));
      return end(client, app.error().code, app.error().why);
    }
    sockets_.when_slow(client, (*app)->spec().when_slow);
    opened(client, **app, Dialect::pusher, request);
  }

  std::expected<App*, AdmissionRefusal> admit(const net::HttpRequest& request) {
    std::string_view path = request.path;
    take_name(path, "/ticket/");
    const std::string_view key = take_name(path, "/app/");
    if (key.empty() || (!path.empty() && path != "/"))
      return std::unexpected(
          AdmissionRefusal{pusher_code::no_such_path, "WebSockets are at /app/KEY."});
    App* const found = apps_.by_key(key);
    if (!found)
      return std::unexpected(AdmissionRefusal{
          pusher_code::no_such_app,
          fmt::format("There is no app of the key {}.", json_text(key.substr(0, 40)))});
    if (auto refusal = guest_refusal(*found, request)) return std::unexpected(*refusal);
    if (auto refusal = version_refusal(request.query)) return std::unexpected(*refusal);
    return found;
  }

  // Clients of Socket.IO say `?key=KEY`, or nothing where there is one tenant only.
  App* engine_app(const net::HttpRequest& request) const {
    const std::string key = api_parameter(request.query, "key");
    return key.empty() ? apps_.only() : apps_.by_key(key);
  }

  std::expected<App*, EngineSessions::Refused> admit_engine(const net::HttpRequest& request) {
    const auto refuse = [](int status, std::string_view why) {
      return std::unexpected(EngineSessions::Refused{
          status, fmt::format(R"({{"code":4,"message":{}}})", json_text(why))});
    };
    if (drain_.refuses()) {
      ++refused_;
      return refuse(503, "It lets nobody in any more: come to another place.");
    }
    App* const app = engine_app(request);
    if (!app) return refuse(403, "Name an app by its key: `?key=KEY`.");
    if (const auto refusal = guest_refusal(*app, request)) return refuse(403, refusal->why);
    return app;
  }

  void gone(ClientSlot client) {
    App* const app = std::exchange(clients_[client].app, nullptr);
    if (!app) return;
    door_.left(client);
    app->went();
    --here_;
    fanout_.leaves(client);
    if (clients_[client].dialect == Dialect::socketio)
      app->socketio().leaves(client, loop_.turn_time());
    else
      app->pusher().leaves(client, loop_.turn_time());
  }

  Control::Calls control_calls() {
    return {.stats = [this] { return stats(); },
            .metrics = [this] { return metrics(); },
            .drain = [this](const DrainOrder& order) { drain(order); },
            .lend =
                [this](Duration time) {
                  loop_.cancel(lease_);
                  lease_ = loop_.after(time, [this] { on_fenced(); });
                }};
  }

  std::string stats() const {
    return fmt::format(
        R"({{"connections":{},"accepted":{},"refused":{},"cut_for_slowness":{},"draining":{}}})",
        here_, accepted_, refused_, sockets_.slowness().cut, drain_.refuses());
  }

  std::string metrics() const {
    wire::PrometheusWriter out;
    out.gauge("realtime_connections", "Clients that are here.");
    apps_.each([&](const std::string& id, const App& app) {
      out.sample({{"app", id}}, std::int64_t(app.connections()));
    });
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
    for (const auto& [id, sent, dropped] : apps_.webhooks())
      out.sample({{"app", id}}, std::int64_t(sent));
    out.counter("realtime_webhook_events_dropped_total", "Events that could not be told.");
    for (const auto& [id, sent, dropped] : apps_.webhooks())
      out.sample({{"app", id}}, std::int64_t(dropped));
    out.gauge("realtime_peers", "Other processes of its cluster that it hears of.");
    out.sample(std::int64_t(peers_ ? peers_->others() : 0));
    out.gauge("realtime_node_joined", "1 while it is one of the tenant's servers of Node.");
    apps_.each_node([&](const std::string& id, const NodePeers& peers) {
      out.sample({{"app", id}}, std::int64_t{peers.is_joined()});
    });
    out.counter("realtime_node_dropped_total", "What Node's servers could not be told, or said.");
    apps_.each_node([&](const std::string& id, const NodePeers& peers) {
      out.sample({{"app", id}}, std::int64_t(peers.dropped()));
    });
    door_.measure(out);
    out.gauge("realtime_draining", "1 while it lets nobody in.");
    out.sample(std::int64_t{drain_.refuses()});
    return out.take();
  }

  void answer(const net::HttpRequest& request, net::HttpReply reply) {
    if (control_.answer(request, reply)) return;
    if (request.path.starts_with(kEnginePath)) return engine_.answer(request, std::move(reply));
    std::string_view path = request.path;
    App* const app = apps_.by_id(take_name(path, "/apps/"));
    if (!app)
      return reply.send(
          {.status = 404, .content_type = "text/plain", .body = "There is no such path.\n"});
    const ApiAnswer answer = api_answer(
        app->pusher(), {request.method, request.path, request.query, request.body}, path,
        net::SystemClock().wall().time_since_epoch() / std::chrono::seconds{1}, loop_.turn_time());
    reply.send({.status = answer.status, .content_type = answer.type, .body = answer.body});
  }

  net::Loop& loop_;
  ServerSettings settings_;      // its tenants are where they are now: apps_
  std::vector<Client> clients_;  // by slot
  bool is_going_on_ = false;
  std::size_t here_ = 0;
  std::int64_t accepted_ = 0, refused_ = 0;
  Drain drain_;
  std::size_t next_to_go_ = 0;
  net::Loop::TimerId closing_ = 0, lease_ = 0;
  const std::uint32_t process_ =
      std::uint32_t(std::hash<std::string>{}(net::random_token()) % 1'000'000'000);
  std::uint64_t serial_ = 0;
  Sockets sockets_;
  EngineSessions engine_;
  Fanout fanout_;
  Apps apps_;
  std::optional<Peers> peers_;
  SyncClock sync_clock_;
  Doorkeeper door_;
  Control control_;
  net::HttpServer http_;
  net::Loop::TimerId sweep_ = 0;
};

Server::Server(net::Loop& loop, ServerSettings settings)
    : state_(std::make_unique<State>(loop, std::move(settings))) {}
Server::~Server() = default;

Expected<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port) {
  return state_->http().listen(host, port, {.shares_port = state_->host().line != nullptr});
}
Expected<std::uint16_t> Server::listen_tls(const std::string& host, std::uint16_t port,
                                           const net::TlsFiles& files,
                                           std::function<void(const std::string&)> say) {
  state_->http().on_notice(std::move(say));
  return state_->http().listen_tls(host, port, files,
                                   {.shares_port = state_->host().line != nullptr});
}
void Server::respec(std::vector<Tenant> tenants) { state_->respec(std::move(tenants)); }
std::string Server::obey(std::string_view order) { return state_->obey(order); }
void Server::adopt(std::string_view bytes, net::Descriptor socket) {
  state_->adopt(bytes, std::move(socket));
}
void Server::drain(const DrainOrder& order) { state_->drain(order); }
void Server::on_empty(std::function<void()> call) { state_->on_empty = std::move(call); }
void Server::leave_seats(std::function<void()> done) {
  state_->apps().leave_seats(std::move(done));
}
void Server::on_fenced(std::function<void()> call) { state_->on_fenced = std::move(call); }
std::size_t Server::clients() const { return state_->here(); }
std::int64_t Server::accepted() const { return state_->accepted(); }

}  // namespace utakata::realtime
