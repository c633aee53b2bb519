#include "fleet/api/peer_door.h"

#include <algorithm>
#include <utility>

#include "fleet/api/peer_words.h"
#include "net/http_reply_target.h"
#include "net/websocket.h"
#include "wire/websocket_handshake.h"

namespace utakata {
namespace {

constexpr std::size_t message_bytes = 64 * 1024 * 1024;

// What another controller asks, as the API reads a request.
class PassedOn final : public net::HttpRequest {
 public:
  PassedOn(const PeerAsk& ask, const std::string& authorization, std::string_view from)
      : caller_(ask.caller),
        authorization_(ask.authorization.empty() ? authorization : ask.authorization) {
    method = ask.method;
    path = ask.target.substr(0, ask.target.find('?'));
    query = ask.target.substr(std::min(ask.target.size(), path.size() + 1));
    body = ask.body;
    peer = from;
  }
  std::string_view header(std::string_view name) const override {
    if (name == "authorization") return authorization_;
    return name == "x-utakata-caller" ? caller_ : std::string_view{};
  }

 private:
  std::string_view caller_, authorization_;
};

}  // namespace

// One link. Whoever holds a reply holds it, too.
class PeerDoor::Line final : public net::HttpReply::Target,
                             public std::enable_shared_from_this<Line> {
 public:
  Line(PeerDoor& door, std::string peer, std::unique_ptr<net::WebSocket> socket)
      : door_(&door), peer_(std::move(peer)), socket_(std::move(socket)) {}

  void start() {
    socket_->start(
        {.message = [this](wire::WebSocketKind, std::string_view message) { heard(message); },
         .ended = [this](const net::WebSocketEnd&) { cut(); }});
  }
  void cut() {
    if (!door_) return;
    PeerDoor& door = *std::exchange(door_, nullptr);
    // We may be inside a call of the WebSocket's.
    door.loop_.post(
        [old = std::shared_ptr<net::WebSocket>(std::move(socket_)), self = shared_from_this()] {});
    std::erase(door.lines_, shared_from_this());
  }
  void flush() {
    is_to_be_flushed_ = false;
    if (!socket_) return;
    const bool is_sent = socket_->send(wire::WebSocketKind::binary, unsent_);
    unsent_.clear();
    if (!is_sent) cut();
  }

  void answer(std::uint64_t number, const net::HttpAnswer& answer) override {
    if (!door_) return;
    append_answer(unsent_, {.number = number,
                            .status = answer.status,
                            .content_type = answer.content_type,
                            .headers = answer.headers,
                            .body = answer.body});
    if (std::exchange(is_to_be_flushed_, true)) return;
    door_->to_flush_.push_back(shared_from_this());
  }
  // Nothing that goes on is ever sent on.
  void begin(std::uint64_t number, int, std::string_view, std::string_view) override {
    drop(number);
  }
  bool write(std::uint64_t, std::string_view) override { return false; }
  void end(std::uint64_t) override {}
  void push() override {}
  std::size_t unsent(std::uint64_t) override { return unsent_.size(); }
  void drop(std::uint64_t number) override {
    answer(number, {.status = 500,
                    .content_type = "application/problem+json",
                    .body = R"({"type":"about:blank","status":500,)"
                            R"("detail":"The request was dropped without an answer."})"});
  }
  void on_gone(std::uint64_t, std::function<void()>) override {}

 private:
  void heard(std::string_view message) {
    const auto self = shared_from_this();
    const bool is_good = read_asks(message, [&](const PeerAsk& ask) {
      if (!door_) return;
      const PassedOn request(ask, door_->authorization_, peer_);
      door_->take_(request, net::HttpReply(self, ask.number));
    });
    if (!is_good) cut();
  }

  PeerDoor* door_;  // none: it is over
  const std::string peer_;
  std::unique_ptr<net::WebSocket> socket_;
  std::string unsent_;
  bool is_to_be_flushed_ = false;
};

PeerDoor::PeerDoor(net::Loop& loop, std::string token, net::HttpServer::Handler take,
                   std::function<bool()> before)
    : loop_(loop),
      authorization_("Bearer " + token),
      take_(std::move(take)),
      before_(std::move(before)),
      turn_end_(loop.on_turn_end([this] { end_turn(); })) {}

PeerDoor::~PeerDoor() {
  loop_.cancel_turn_end(turn_end_);
  for (const auto& line : std::exchange(lines_, {})) line->cut();
}

void PeerDoor::open(const net::HttpRequest& request, const net::TcpPeer& peer,
                    net::Descriptor socket, bool is_peer, std::unique_ptr<net::TlsStream> tls) {
  const auto send = [&](std::string_view text) {
    return (tls ? tls->send(text) : net::tcp_send(socket.get(), text)).bytes == text.size();
  };
  if (!is_peer || request.path != "/v1/peer") {
    (void)send(is_peer
                   ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                   : "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    tls.reset();
    return;
  }
  if (!send(wire::websocket_answer(request.header("sec-websocket-key")))) return tls.reset();
  auto line = std::make_shared<Line>(
      *this, peer.address,
      std::make_unique<net::WebSocket>(loop_, std::move(socket), wire::WebSocketRole::server,
                                       net::WebSocketSettings{.message_bytes = message_bytes,
                                                              .backlog_bytes = message_bytes,
                                                              .ping_every = Duration{20s}},
                                       std::string{}, nullptr, std::move(tls)));
  lines_.push_back(line);
  line->start();
}

void PeerDoor::end_turn() {
  if (to_flush_.empty()) return;
  const bool may_send = before_();
  for (const auto& line : std::exchange(to_flush_, {})) may_send ? line->flush() : line->cut();
}

}  // namespace utakata
