#include "net/websocket_client.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "base/check.h"
#include "base/text.h"
#include "net/name_lookup.h"
#include "net/tcp.h"
#include "net/websocket_address.h"
#include "wire/websocket_handshake.h"

namespace utakata::net {
namespace {

using OwnSockets = std::multiset<OwnConnection>;

// In the list as long as it lives; the list outlives the client for those that were handed out.
class OwnSocket {
 public:
  OwnSocket(std::shared_ptr<OwnSockets> all, const OwnConnection& ends)
      : all_(std::move(all)), at_(all_->insert(ends)) {}
  ~OwnSocket() { all_->erase(at_); }
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;

 private:
  std::shared_ptr<OwnSockets> all_;
  OwnSockets::iterator at_;
};

//   looking up --> connecting (each address in turn) --> shaking hands (TLS) --> asking -->
//   answered
struct Dialling {
  WebSocketDial dial;
  WebSocketClient::Done done;
  WebSocketUrl url{};
  std::vector<TcpAddress> addresses{};
  std::size_t next = 0;  // of addresses
  Descriptor socket{};
  std::unique_ptr<TlsStream> tls{};
  std::shared_ptr<OwnSocket> own{};
  std::string key{}, unsent{}, received{};
  bool is_connected = false;
  int last_error = 0;
  Loop::TimerId deadline = 0;
};

std::string new_key() {
  std::array<std::uint8_t, 16> random;
  check(getrandom(random.data(), random.size(), 0) == ssize_t(random.size()),
        "the kernel has random numbers");
  return wire::websocket_key(random);
}

bool are_header_lines(std::string_view lines) {
  while (!lines.empty()) {
    const auto end = lines.find("\r\n");
    if (end == lines.npos || lines.substr(0, end).find(':') - 1 >= end) return false;
    if (lines.substr(0, end).find_first_of(std::string_view("\r\n\0", 3)) != lines.npos)
      return false;
    lines.remove_prefix(end + 2);
  }
  return true;
}

}  // namespace

struct WebSocketClient::State {
  explicit State(Loop& used_loop) : loop(used_loop), lookup(used_loop) {}
  ~State();

  void begin(DialId id);
  void connect_next(DialId id);
  void on_ready(DialId id);
  void on_connected(DialId id, Dialling& dialling);
  void shake_hands(DialId id, Dialling& dialling);
  void send(DialId id, Dialling& dialling);
  void receive(DialId id, Dialling& dialling);
  void drop_socket(Dialling& dialling) const;
  Dialling take(DialId id);
  void fail(DialId id, Problem::Kind kind, std::string_view why, bool retry);

  Loop& loop;
  NameLookup lookup;
  std::map<DialId, Dialling> dials;
  DialId last_id = 0;
  std::shared_ptr<OwnSockets> own = std::make_shared<OwnSockets>();
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

WebSocketClient::State::~State() {
  *alive = false;
  while (!dials.empty()) take(dials.begin()->first);
}

void WebSocketClient::State::begin(DialId id) {
  auto& dialling = dials.at(id);
  auto url = websocket_url(dialling.dial.url);
  if (!url) return fail(id, url.error().kind, url.error().what, false);
  dialling.url = std::move(*url);
  if (!are_header_lines(dialling.dial.headers))
    return fail(id, Problem::Kind::invalid,
                "a header must be a line \"Name: value\" ended by CRLF.", false);
  if (dialling.url.is_tls && !dialling.dial.trust)
    return fail(id, Problem::Kind::invalid, "whom wss:// trusts is not said.", false);
  dialling.addresses = known_addresses(dialling.url);
  if (!dialling.addresses.empty()) return connect_next(id);
  const auto found = [this, id](const Expected<TcpAddresses>& addresses) {
    const auto at = dials.find(id);
    if (at == dials.end()) return;
    if (!addresses) return fail(id, Problem::Kind::unavailable, "no such host is known.", true);
    at->second.addresses = *addresses;
    connect_next(id);
  };
  const bool is_asked = lookup.ask(dialling.url.host, dialling.url.port, found);
  if (!is_asked) fail(id, Problem::Kind::unavailable, "too many name lookups are under way.", true);
}

void WebSocketClient::State::connect_next(DialId id) {
  auto& dialling = dials.at(id);
  drop_socket(dialling);
  while (dialling.next < dialling.addresses.size()) {
    const auto& address = dialling.addresses[dialling.next++];
    const auto* target = reinterpret_cast<const sockaddr*>(&address.bytes);
    Descriptor socket(::socket(target->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int one = 1;
    if (socket) setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!socket || (connect(socket.get(), target, address.size) != 0 && errno != EINPROGRESS)) {
      dialling.last_error = errno;
      continue;
    }
    const auto ours = local_end(socket.get()), theirs = socket_end(target);
    if (ours && theirs)
      dialling.own = std::make_shared<OwnSocket>(own, OwnConnection{*ours, *theirs});
    dialling.socket = std::move(socket);
    loop.watch(dialling.socket.get(), EPOLLOUT, [this, id](std::uint32_t) { on_ready(id); });
    return;
  }
  fail(id, Problem::Kind::unavailable, fmt::format("{}.", std::strerror(dialling.last_error)),
       true);
}

void WebSocketClient::State::on_ready(DialId id) {
  auto& dialling = dials.at(id);
  if (!dialling.is_connected) return on_connected(id, dialling);
  if (dialling.tls && !dialling.tls->is_ready()) return shake_hands(id, dialling);
  if (!dialling.unsent.empty()) return send(id, dialling);
  receive(id, dialling);
}

void WebSocketClient::State::on_connected(DialId id, Dialling& dialling) {
  socklen_t size = sizeof dialling.last_error;
  getsockopt(dialling.socket.get(), SOL_SOCKET, SO_ERROR, &dialling.last_error, &size);
  if (dialling.last_error != 0) return connect_next(id);
  dialling.is_connected = true;
  dialling.key = new_key();
  dialling.unsent = wire::websocket_request(dialling.url.authority, dialling.url.target,
                                            dialling.key, dialling.dial.headers);
  if (!dialling.url.is_tls) return send(id, dialling);
  dialling.tls = dialling.dial.trust->dial(dialling.socket.get(), dialling.url.host);
  shake_hands(id, dialling);
}

void WebSocketClient::State::shake_hands(DialId id, Dialling& dialling) {
  const auto moved = dialling.tls->handshake();
  if (moved.how == Moved::How::bytes) return send(id, dialling);
  if (moved.how == Moved::How::would_block)
    return loop.rewatch(dialling.socket.get(),
                        dialling.tls->wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
  fail(id, Problem::Kind::refused, fmt::format("tls: {}.", dialling.tls->failure()), true);
}

void WebSocketClient::State::send(DialId id, Dialling& dialling) {
  const auto moved = dialling.tls ? dialling.tls->send(dialling.unsent)
                                  : tcp_send(dialling.socket.get(), dialling.unsent);
  if (moved.how == Moved::How::would_block) return loop.rewatch(dialling.socket.get(), EPOLLOUT);
  if (moved.how != Moved::How::bytes)
    return fail(id, Problem::Kind::unavailable,
                "the connection was lost before the handshake was sent.", true);
  dialling.unsent.erase(0, moved.bytes);
  loop.rewatch(dialling.socket.get(), dialling.unsent.empty() ? EPOLLIN : EPOLLOUT);
}

void WebSocketClient::State::receive(DialId id, Dialling& dialling) {
  std::array<char, 16 * 1024> bytes;
  const auto moved =
      dialling.tls ? dialling.tls->receive(bytes) : tcp_receive(dialling.socket.get(), bytes);
  if (moved.how == Moved::How::would_block) return;
  if (moved.how != Moved::How::bytes)
    return fail(id, Problem::Kind::unavailable,
                "the connection was closed before the handshake was answered.", true);
  dialling.received.append(bytes.data(), moved.bytes);
  const auto read = wire::read_websocket_answer(dialling.received, dialling.key);
  if (!read) return fail(id, read.error().kind, read.error().what, false);
  if (!*read) return;
  auto taken = take(id);
  taken.received.erase(0, **read);
  taken.done(std::make_unique<WebSocket>(loop, std::move(taken.socket), wire::WebSocketRole::client,
                                         taken.dial.settings, std::move(taken.received),
                                         std::move(taken.own), std::move(taken.tls)));
}

void WebSocketClient::State::drop_socket(Dialling& dialling) const {
  if (dialling.socket) loop.unwatch(dialling.socket.get());
  dialling.own.reset();
  dialling.tls.reset();
  dialling.socket.reset();
}

// Out of the loop's hands, its socket still open.
Dialling WebSocketClient::State::take(DialId id) {
  auto node = dials.extract(id);
  if (node.mapped().socket) loop.unwatch(node.mapped().socket.get());
  loop.cancel(node.mapped().deadline);
  return std::move(node.mapped());
}

void WebSocketClient::State::fail(DialId id, Problem::Kind kind, std::string_view why, bool retry) {
  const auto taken = take(id);
  const std::string scheme = taken.url.is_tls ? "wss" : "ws";
  const auto where = taken.url.authority.empty() ? scheme : scheme + "://" + taken.url.authority;
  taken.done(problem(kind, fmt::format("{}: {}", where, why), retry));
}

WebSocketClient::WebSocketClient(Loop& loop) : state_(std::make_unique<State>(loop)) {}
WebSocketClient::~WebSocketClient() = default;

WebSocketClient::DialId WebSocketClient::dial(WebSocketDial dial, Done done) {
  auto* state = state_.get();
  const auto id = ++state->last_id;
  const auto deadline = dial.deadline;
  auto& dialling =
      state->dials.emplace(id, Dialling{.dial = std::move(dial), .done = std::move(done)})
          .first->second;
  dialling.deadline = state->loop.after(deadline, [state, id, deadline] {
    state->fail(id, Problem::Kind::timed_out,
                fmt::format("no WebSocket within {}.", to_text(deadline)), true);
  });
  state->loop.post([state, id, alive = state->alive] {
    if (*alive && state->dials.contains(id)) state->begin(id);
  });
  return id;
}

void WebSocketClient::cancel(DialId id) {
  if (state_->dials.contains(id)) state_->take(id);
}

std::vector<OwnConnection> WebSocketClient::own_connections() const {
  return {state_->own->begin(), state_->own->end()};
}

}  // namespace utakata::net
