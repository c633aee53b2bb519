#include "load_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "wire/websocket_handshake.h"

namespace utakata::bench {
namespace {

constexpr wire::WebSocketMask mask{1, 2, 3, 4};

std::vector<SSL*> all_tls;  // by descriptor; none: in the clear

SSL* tls_of(int socket) {
  return std::size_t(socket) < all_tls.size() ? all_tls[std::size_t(socket)] : nullptr;
}

void begin_tls(int socket) {
  static SSL_CTX* const context = [] {
    SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
    return made;
  }();
  if (all_tls.size() <= std::size_t(socket)) all_tls.resize(std::size_t(socket) + 1);
  SSL* const tls = all_tls[std::size_t(socket)] = SSL_new(context);
  SSL_set_fd(tls, socket);
  if (SSL_connect(tls) != 1) fail("the handshake of TLS was refused");
}

// One WebSocket while it is made: what is read blocks.
class Opening : wire::WebSocketSink {
 public:
  Opening(int socket, std::string_view path) : socket_(socket) {
    const std::string key = wire::websocket_key({});
    send_whole(socket_, wire::websocket_request("127.0.0.1", path, key));
    std::string got;
    for (;;) {
      got += receive_some(socket_);
      const auto answer = wire::read_websocket_answer(got, key);
      if (!answer) fail(answer.error().what);
      if (!*answer) continue;
      feed(std::string_view(got).substr(**answer));
      return;
    }
  }
  std::string hear() {
    while (texts_.empty()) feed(receive_some(socket_));
    const std::string text = texts_.front();
    texts_.erase(texts_.begin());
    return text;
  }
  void say(std::string_view text) { send_whole(socket_, masked_text(text)); }

 private:
  void feed(std::string_view bytes) {
    if (const auto failure = parser_.feed(bytes, *this)) fail(failure->why);
  }
  bool message(wire::WebSocketKind, std::string_view payload) override {
    texts_.emplace_back(payload);
    return true;
  }
  bool ping(std::string_view) override { return true; }
  bool pong(std::string_view) override { return true; }
  bool close(std::uint16_t, std::string_view reason) override { fail(std::string(reason)); }

  const int socket_;
  wire::WebSocketParser parser_{wire::WebSocketRole::client};
  std::vector<std::string> texts_;
};

std::string socket_id_in(std::string_view established) {
  constexpr std::string_view before = R"(\"socket_id\":\")";
  const auto at = established.find(before);
  if (at == established.npos)
    fail("not pusher:connection_established: " + std::string(established));
  const auto id = established.substr(at + before.size());
  return std::string(id.substr(0, id.find('\\')));
}

void join_pusher(int socket, std::string_view channel) {
  Opening opening(socket, "/app/" + tenant.key + "?protocol=7");
  const std::string id = socket_id_in(opening.hear());
  if (channel.empty()) return;
  const std::string name(channel);
  const std::string auth = channel.starts_with("private-")
                               ? R"(,"auth":")" + realtime::channel_auth(tenant, id, channel) + '"'
                               : "";
  opening.say(R"({"event":"pusher:subscribe","data":{"channel":")" + name + '"' + auth + "}}");
  const std::string heard = opening.hear();
  if (!heard.contains("subscription_succeeded")) fail(heard);
}

void join_socket_io(int socket, std::string_view channel) {
  Opening opening(socket, "/socket.io/?EIO=4&transport=websocket");
  opening.hear();  // 0{"sid":...: Engine.IO is open
  opening.say("40");
  opening.hear();  // 40{"sid":...: so is the namespace
  if (channel.empty()) return;
  opening.say(R"(420["subscribe",")" + std::string(channel) + R"("])");
  const std::string heard = opening.hear();
  if (!heard.starts_with("430") || !heard.contains(R"("ok":true)")) fail(heard);
}

}  // namespace

Dialect dialect_of(std::string_view name) {
  if (name == "raw") return Dialect::raw;
  if (name == "websocket") return Dialect::websocket;
  if (name == "socket_io") return Dialect::socket_io;
  if (name == "pusher") return Dialect::pusher;
  fail("no dialect: " + std::string(name));
}

int connect_to(const Place& place) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(place.from);
  setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("bind: ") + std::strerror(errno));
  address.sin_port = htons(place.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("connect: ") + std::strerror(errno));
  if (place.is_tls) begin_tls(socket);
  return socket;
}

int join(Dialect dialect, const Place& place, std::string_view channel) {
  const int socket = connect_to(place);
  switch (dialect) {
    case Dialect::raw:
      break;
    case Dialect::websocket:
      Opening(socket, "/");
      break;
    case Dialect::socket_io:
      join_socket_io(socket, channel);
      break;
    case Dialect::pusher:
      join_pusher(socket, channel);
  }
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
  return socket;
}

std::string masked_text(std::string_view text) {
  std::string frame;
  wire::append_message(frame, wire::WebSocketKind::text, text, mask);
  return frame;
}

std::string masked_ping(std::string_view payload) {
  std::string frame;
  wire::append_ping(frame, payload, mask);
  return frame;
}

std::string receive_some(int socket) {
  char bytes[4096];
  SSL* const tls = tls_of(socket);
  const auto got = tls ? SSL_read(tls, bytes, sizeof bytes) : recv(socket, bytes, sizeof bytes, 0);
  if (got <= 0) fail("a connection was closed while it was made");
  return {bytes, std::size_t(got)};
}

void send_whole(int socket, std::string_view bytes) {
  if (SSL* const tls = tls_of(socket)) {
    if (SSL_write(tls, bytes.data(), int(bytes.size())) != int(bytes.size()))
      fail("a connection over TLS took less than it was sent");
    return;
  }
  if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != ssize_t(bytes.size()))
    fail("a connection took less than it was sent");
}

void add_to_epoll(int set, int socket, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  epoll_ctl(set, EPOLL_CTL_ADD, socket, &event);
}

std::int64_t now_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

void fail(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  std::exit(1);
}

}  // namespace utakata::bench
