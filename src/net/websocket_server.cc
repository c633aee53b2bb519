#include "net/websocket_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <vector>

#include "wire/http1_answer.h"
#include "wire/websocket_handshake.h"

namespace utakata::net {
namespace {

struct Handshake {
  Descriptor socket;
  TcpPeer peer;
  wire::Http1Parser parser;
  Loop::TimerId timer = 0;
};

// What the parser heard. The request's views end with the call: the work is done inside.
struct HandshakeSink final : wire::Http1Sink {
  std::function<void(const wire::Http1Request&)> requested;
  std::function<void(const wire::Http1Refusal&)> refused;
  bool on_request(const wire::Http1Request& request) override {
    requested(request);
    return false;  // frames, if any, are not HTTP
  }
  void on_refused(const wire::Http1Refusal& refusal) override { refused(refusal); }
};

}  // namespace

struct WebSocketServer::State {
  Loop& loop;
  Calls calls;
  WebSocketServerSettings settings;
  std::vector<std::unique_ptr<TcpListener>> listeners{};
  std::map<std::uint64_t, Handshake> handshakes{};  // the oldest first
  std::uint64_t last_id = 0;

  ~State();
  void add(Descriptor socket, TcpPeer peer);
  void cut(std::uint64_t id);
  void read(std::uint64_t id);
  void serve(Handshake handshake, const wire::Http1Request& request);
  static void refuse(const Handshake& handshake, int status, std::string_view why);
  Handshake take(std::uint64_t id);
};

WebSocketServer::State::~State() {
  while (!handshakes.empty()) cut(handshakes.begin()->first);
}

void WebSocketServer::State::add(Descriptor socket, TcpPeer peer) {
  if (handshakes.size() >= settings.handshakes_max) cut(handshakes.begin()->first);
  const auto id = ++last_id;
  const int descriptor = socket.get();
  const auto timer = loop.after(settings.handshake_within, [this, id] { cut(id); });
  handshakes.emplace(id, Handshake{.socket = std::move(socket),
                                   .peer = std::move(peer),
                                   .parser = wire::Http1Parser(
                                       {.header_bytes = settings.header_bytes, .body_bytes = 0}),
                                   .timer = timer});
  loop.watch(descriptor, EPOLLIN, [this, id](std::uint32_t) { read(id); });
}

void WebSocketServer::State::cut(std::uint64_t id) { take(id); }

// Out of the loop's hands; closed with the result.
Handshake WebSocketServer::State::take(std::uint64_t id) {
  auto node = handshakes.extract(id);
  loop.unwatch(node.mapped().socket.get());
  loop.cancel(node.mapped().timer);
  return std::move(node.mapped());
}

void WebSocketServer::State::read(std::uint64_t id) {
  auto& handshake = handshakes.at(id);
  std::array<char, 16 * 1024> bytes;
  const auto moved = tcp_receive(handshake.socket.get(), bytes);
  if (moved.how == Moved::How::would_block) return;
  if (moved.how != Moved::How::bytes) return cut(id);

  // A client waits for the 101 before it sends more (RFC 6455 section 4.1): what follows the
  // request is a breach.
  const std::string_view received(bytes.data(), moved.bytes);
  const bool ends_there = received.ends_with("\r\n\r\n");
  auto parser = std::move(handshake.parser);
  HandshakeSink sink;
  bool is_done = false;
  sink.requested = [&](const wire::Http1Request& request) {
    is_done = true;
    auto taken = take(id);
    if (!ends_there) return refuse(taken, 400, "Bytes follow the request before it is answered.");
    serve(std::move(taken), request);
  };
  sink.refused = [&](const wire::Http1Refusal& refusal) {
    if (is_done) return;
    is_done = true;
    refuse(take(id), refusal.status, refusal.why);
  };
  parser.feed(received, sink);
  if (!is_done) handshake.parser = std::move(parser);
}

void WebSocketServer::State::serve(Handshake handshake, const wire::Http1Request& request) {
  if (const auto refusal = wire::websocket_refusal(request))
    return refuse(handshake, refusal->status, refusal->why);
  const int status = calls.admit ? calls.admit(request, handshake.peer) : 0;
  if (status != 0) return refuse(handshake, status, "This WebSocket is not wanted.");
  const auto answer = wire::websocket_answer(request.header("sec-websocket-key"));
  const auto sent =
      tcp_send(handshake.socket.get(), answer);  // 129 bytes into an empty socket: all or none
  if (sent.how != Moved::How::bytes || sent.bytes != answer.size()) return;
  calls.opened(request, handshake.peer,
               std::make_unique<WebSocket>(loop, std::move(handshake.socket),
                                           wire::WebSocketRole::server, settings.connection));
}

void WebSocketServer::State::refuse(const Handshake& handshake, int status, std::string_view why) {
  std::string answer;
  wire::append_answer_head(
      answer,
      {.status = status,
       .content_type = "text/plain",
       .headers = status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "",
       .length = why.size(),
       .closes = true});
  answer += why;
  tcp_send(handshake.socket.get(), answer);  // as far as it goes at once: we owe a stranger no more
  shutdown(handshake.socket.get(), SHUT_WR);
}

WebSocketServer::WebSocketServer(Loop& loop, Calls calls, const WebSocketServerSettings& settings)
    : state_(new State{.loop = loop, .calls = std::move(calls), .settings = settings}) {}
WebSocketServer::~WebSocketServer() = default;

Expected<std::uint16_t> WebSocketServer::listen(const std::string& host, std::uint16_t port) {
  auto listener = TcpListener::open(state_->loop, host, port,
                                    {.accepted =
                                         [state = state_.get()](Descriptor socket, TcpPeer peer) {
                                           state->add(std::move(socket), std::move(peer));
                                         },
                                     .make_room =
                                         [state = state_.get()] {
                                           if (state->handshakes.empty()) return false;
                                           state->cut(state->handshakes.begin()->first);
                                           return true;
                                         }});
  if (!listener) return std::unexpected(listener.error());
  return state_->listeners.emplace_back(std::move(*listener))->port();
}

}  // namespace utakata::net
