#include "load_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

// One WebSocket while it is made: what is read blocks.
class Opening : wire::WebSocketSink {
 public:
  Opening(int socket, std::string_view path) : socket_(socket) {
    const std::string key = wire::websocket_key({});
    send_whole(socket_, wire::websocket_request("127.0.0.1", path, key));
    std::string got;
    for (;;) {
      got += receive();
      const auto answer = wire::read_websocket_answer(got, key);
      if (!answer) fail(answer.error().what);
      if (!*answer) continue;
      feed(std::string_view(got).substr(**answer));
      return;
    }
  }
  std::string hear() {
    while (texts_.empty()) feed(receive());
    const std::string text = texts_.front();
    texts_.erase(texts_.begin());
    return text;
  }
  void say(std::string_view text) { send_whole(socket_, masked_text(text)); }

 private:
  std::string receive() {
    char bytes[4096];
    const ssize_t got = recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) fail("a connection was closed while it was made");
    return {bytes, std::size_t(got)};
  }
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

}  // namespace

Dialect dialect_of(std::string_view name) {
  if (name == "raw") return Dialect::raw;
  if (name == "websocket") return Dialect::websocket;
  if (name == "socket_io") return Dialect::socket_io;
  if (name == "pusher") return Dialect::pusher;
  fail("no dialect: " + std::string(name));
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("connect: ") + std::strerror(errno));
  return socket;
}

int join(Dialect dialect, std::uint16_t port, std::string_view channel) {
  const int socket = connect_to(port);
  switch (dialect) {
    case Dialect::raw:
      break;
    case Dialect::websocket:
      Opening(socket, "/");
      break;
    case Dialect::socket_io: {
      Opening opening(socket, "/socket.io/?EIO=4&transport=websocket");
      opening.hear();  // 0{"sid":...: Engine.IO is open
      opening.say("40");
      opening.hear();  // 40{"sid":...: so is the namespace
      break;
    }
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

void send_whole(int socket, std::string_view bytes) {
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
