#include "realtime/server/engine_sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "net/secret.h"
#include "net/tcp.h"
#include "realtime/pusher/signature.h"

namespace utakata::realtime {
namespace {

constexpr std::size_t kSidBytes = 15;  // random ones: 20 letters
constexpr std::string_view kPacketsType = "text/plain; charset=UTF-8";

// A page of another origin may read the answer (Fetch standard, CORS protocol).
std::string cors_headers(const net::HttpRequest& request, bool is_welcome) {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_welcome) return {};
  std::string headers = fmt::format(
      "Access-Control-Allow-Origin: {}\r\nAccess-Control-Allow-Credentials: true\r\n"
      "Vary: Origin\r\n",
      origin);
  if (request.method != "OPTIONS") return headers;
  return headers +=
         "Access-Control-Allow-Methods: GET, POST\r\n"
         "Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 600\r\n";
}

EngineRequest read(const net::HttpRequest& request, bool is_upgrade, std::string& store) {
  std::array<std::string, 3> values;
  for (std::size_t i = 0; const char* const name : {"eio", "transport", "sid"})  // any case
    values[i++] = api_parameter(request.query, name);
  store = values[0] + values[1] + values[2];
  const std::string_view all = store;
  return {.method = request.method,
          .version = all.substr(0, values[0].size()),
          .transport = all.substr(values[0].size(), values[1].size()),
          .sid = all.substr(values[0].size() + values[1].size()),
          .is_upgrade = is_upgrade};
}

void refuse_upgrade(int status, std::string_view body, const NewSocket& socket) {
  (void)socket.send(
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
                  "Connection: close\r\n\r\n{}",
                  status, status == 400 ? "Bad Request" : "Refused", body.size(), body));
}

}  // namespace

// "WORKER-SECRET".
std::optional<std::size_t> engine_worker(std::string_view sid) {
  std::size_t worker = 0;
  const auto [end, error] = std::from_chars(sid.data(), sid.data() + sid.size(), worker);
  if (error != std::errc() || end == sid.data() + sid.size() || *end != '-') return std::nullopt;
  return worker;
}

EngineSessions::EngineSessions(net::Loop& loop, Sockets& sockets, EngineSettings settings,
                               std::size_t worker, Calls calls)
    : loop_(loop),
      sockets_(sockets),
      settings_(settings),
      worker_(worker),
      calls_(std::move(calls)),
      tick_(loop.every(std::min<Duration>(1s, settings.ping_interval / 4),
                       [this] {
                         const Instant now = loop_.turn_time();
                         for (const auto& each : sessions_)
                           if (each && each->engine->due() <= now) each->engine->tick(now);
                       })),
      turn_end_(loop.on_turn_end([this] { bury(); })) {}

EngineSessions::~EngineSessions() {
  loop_.cancel(tick_);
  loop_.cancel_turn_end(turn_end_);
}

EngineSessions::Session* EngineSessions::session_of(ClientSlot client) const {
  return client < sessions_.size() ? sessions_[client].get() : nullptr;
}

ClientSlot* EngineSessions::client_of(std::string_view sid) {
  const auto known = by_sid_.find(std::string(sid));
  return known == by_sid_.end() ? nullptr : &known->second;
}

bool EngineSessions::is_open(ClientSlot client) const {
  const Session* const session = session_of(client);
  return session && !session->is_over;
}

void EngineSessions::begin(ClientSlot client, App& app, EngineTransport transport) {
  if (client >= sessions_.size()) sessions_.resize(client + 1);
  auto session = std::make_unique<Session>();
  session->engine = std::make_unique<EngineSession>(
      client,
      EngineOpen{.sid = fmt::format("{}-{}", worker_, net::random_token(kSidBytes)),
                 .ping_interval = settings_.ping_interval,
                 .ping_timeout = settings_.ping_timeout,
                 .payload_bytes_max = settings_.payload_bytes_max},
      transport, settings_.limits, *this, loop_.turn_time());
  session->when_slow = app.spec().when_slow;
  session->compresses = app.spec().compresses;
  session->is_reserved = transport == EngineTransport::polling;
  by_sid_[session->engine->sid()] = client;
  sessions_[client] = std::move(session);
}

void EngineSessions::answer(const net::HttpRequest& request, net::HttpReply reply) {
  std::string headers = cors_headers(request, calls_.is_welcome(request));
  const auto refuse = [&](int status, const std::string& body) {
    reply.send({.status = status, .headers = headers, .body = body});
  };
  if (request.method == "OPTIONS") return reply.send({.status = 204, .headers = headers});
  std::string store;
  const EngineRequest asked = read(request, false, store);
  const ClientSlot* const known = client_of(asked.sid);
  std::optional<EngineKnown> transport;
  if (known) transport = {session_of(*known)->engine->transport()};
  if (const auto refusal = engine_refusal(asked, transport))
    return refuse(refusal->status, refusal->json());
  if (!known) {
    const auto app = calls_.admit(request);
    if (!app) return refuse(app.error().status, app.error().body);
    const ClientSlot client = sockets_.reserve();
    begin(client, **app, EngineTransport::polling);
    reply.send({.content_type = kPacketsType,
                .headers = headers,
                .body = session_of(client)->engine->opening()});
    return calls_.opened(client, **app, request);
  }
  if (request.method == "GET") return get(*known, std::move(reply), std::move(headers));
  EngineSession& engine = *session_of(*known)->engine;
  auto refusal = engine.begin_post();
  if (!refusal) refusal = engine.end_post(request.body, loop_.turn_time());
  if (refusal) return refuse(refusal->status, refusal->json());
  reply.send({.content_type = "text/html", .headers = headers, .body = "ok"});
}

void EngineSessions::get(ClientSlot client, net::HttpReply reply, std::string headers) {
  Session& session = *session_of(client);
  if (session.get) {  // a second one: it ends the session, which answers the first
    const auto refusal = session.engine->get().value_or(EngineRefusal{});
    return reply.send({.status = refusal.status, .headers = headers, .body = refusal.json()});
  }
  session.get = std::move(reply);
  session.get_headers = std::move(headers);
  session.get->on_gone([this, client, sid = session.engine->sid()] {
    Session* const known = session_of(client);
    if (!known || known->engine->sid() != sid) return;
    known->get.reset();
    known->engine->request_breaks();
  });
  const auto refusal = session.engine->get();
  if (!refusal || !session.get) return;
  session.get->send(
      {.status = refusal->status, .headers = session.get_headers, .body = refusal->json()});
  session.get.reset();
}

void EngineSessions::upgrade(const net::HttpRequest& request, NewSocket socket) {
  std::string store;
  const EngineRequest asked = read(request, true, store);
  const ClientSlot* const known = client_of(asked.sid);
  std::optional<EngineKnown> transport;
  if (known) transport = {session_of(*known)->engine->transport()};
  if (const auto refusal = engine_refusal(asked, transport))
    return refuse_upgrade(refusal->status, refusal->json(), socket);
  App* app = nullptr;
  bool compresses = false;
  if (known) {
    compresses = session_of(*known)->compresses;
    const auto refusal = session_of(*known)->engine->websocket_opens(loop_.turn_time());
    if (refusal) return refuse_upgrade(refusal->status, refusal->json(), socket);
  } else {
    const auto admitted = calls_.admit(request);
    if (!admitted) return refuse_upgrade(admitted.error().status, admitted.error().body, socket);
    app = *admitted;
    compresses = app->spec().compresses;
  }
  const bool is_sent = take_websocket(request, compresses, socket);
  if (!is_sent && !known) return;
  const ClientSlot slot = sockets_.add(std::move(socket));
  const ClientSlot client = known ? *known : slot;
  if (slot >= owners_.size()) owners_.resize(slot + 1);
  owners_[slot] = client;
  if (!known) begin(client, *app, EngineTransport::websocket);
  Session& session = *session_of(client);
  session.socket = slot;
  sockets_.when_slow(slot, session.when_slow);
  if (known) return;
  sockets_.send(slot, text_frame(session.engine->opening()));
  calls_.opened(client, *app, request);
}

void EngineSessions::socket_says(ClientSlot socket, wire::WebSocketKind kind,
                                 std::string_view payload) {
  Session* const session = session_of(*owners_[socket]);
  if (!session || session->socket != socket) return;
  if (kind == wire::WebSocketKind::text)
    session->engine->websocket_says(payload, loop_.turn_time());
  else
    session->engine->websocket_says_bytes(payload, loop_.turn_time());
}

void EngineSessions::socket_gone(ClientSlot socket) {
  const ClientSlot client = *std::exchange(owners_[socket], std::nullopt);
  Session* const session = session_of(client);
  if (!session || session->socket != socket) return;
  session->socket.reset();
  session->engine->websocket_closes();
  bury();  // its slot may be another's from now on
}

void EngineSessions::elsewhere(ClientSlot client, const Frame& frame, Topic topic) {
  Session* const session = session_of(client);
  if (!session || session->is_over) return;
  if (session->engine->transport() == EngineTransport::websocket && session->socket)
    return sockets_.send(*session->socket, frame, topic);
  each_message(*frame, [&](wire::WebSocketKind kind, std::string_view payload) {
    if (kind == wire::WebSocketKind::binary)
      session->engine->say_bytes(payload);
    else
      session->engine->say(payload.substr(1));  // it says itself that it is a message
  });
}

void EngineSessions::say(ClientSlot client, const std::string& text) {
  Session* const session = session_of(client);
  if (session && !session->is_over) session->engine->say(text);
}

void EngineSessions::end(ClientSlot client) {
  if (Session* const session = session_of(client)) session->engine->close(loop_.turn_time());
}

void EngineSessions::heard(ClientSlot client, const EnginePacket& message) {
  if (!session_of(client)->is_over) calls_.heard(client, message);
}

void EngineSessions::answer_get(ClientSlot client, const std::string& body) {
  Session& session = *session_of(client);
  if (!session.get) return;
  auto reply = *std::exchange(session.get, std::nullopt);
  reply.send({.content_type = kPacketsType, .headers = session.get_headers, .body = body});
}

void EngineSessions::write(ClientSlot client, const EnginePacket& packet) {
  Session& session = *session_of(client);
  if (!session.socket) return;
  auto frame = std::make_shared<std::string>();
  if (packet.is_binary)
    append_frame(*frame, wire::WebSocketKind::binary, packet.data);
  else
    append_frame(*frame, wire::WebSocketKind::text, engine_text(packet.type, packet.data));
  sockets_.send(*session.socket, frame);
}

void EngineSessions::drop_websocket(ClientSlot client) {
  const auto socket = std::exchange(session_of(client)->socket, std::nullopt);
  if (socket) sockets_.close(*socket, wire::websocket_code::normal, {});
}

void EngineSessions::closed(ClientSlot client, const char*) {
  session_of(client)->is_over = true;
  over_.push_back(client);
}

void EngineSessions::bury() {
  while (!over_.empty())
    for (const ClientSlot client : std::exchange(over_, {})) {
      calls_.gone(client);
      by_sid_.erase(sessions_[client]->engine->sid());
      if (std::exchange(sessions_[client], nullptr)->is_reserved) sockets_.free(client);
    }
}

}  // namespace utakata::realtime
