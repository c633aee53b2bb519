#include "net/websocket.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "base/check.h"
#include "net/tcp.h"

namespace utakata::net {

namespace code = wire::websocket_code;
using wire::WebSocketKind;
using wire::WebSocketRole;

namespace {

// Unforeseeable for whoever chose the payload (RFC 6455 section 10.3): asked of the kernel, about
// 0.2 us.
std::optional<wire::WebSocketMask> mask_of(WebSocketRole role) {
  if (role == WebSocketRole::server) return {};
  wire::WebSocketMask mask;
  check(getrandom(mask.data(), mask.size(), 0) == ssize_t(mask.size()),
        "the kernel has random numbers");
  return mask;
}

}  // namespace

//  open --- close() ---> closing --- their close, end of input, or close_within ---> closed
//   |                                                                                  ^
//   +--- their close, answered ---> leaving --- sent; as a client: end of input -------+
//   |                                 ^ |                                              |
//   +--- they broke the protocol -----+ +--- close_within -----------------------------+
//   +--- lost, cut ----------------------------------------------------------------->--+
class WebSocket::State final : public wire::WebSocketSink,
                               public std::enable_shared_from_this<State> {
 public:
  State(Loop& loop, Descriptor socket, WebSocketRole role, const WebSocketSettings& settings,
        std::string received, std::shared_ptr<void> while_open, std::unique_ptr<TlsStream> tls)
      : loop_(loop),
        socket_(std::move(socket)),
        tls_(std::move(tls)),
        role_(role),
        settings_(settings),
        parser_(role, {.message_bytes = settings.message_bytes}),
        received_(std::move(received)),
        while_open_(std::move(while_open)) {}

  void start(Calls calls);
  bool send(WebSocketKind kind, std::string_view payload);
  bool send_ping(std::string_view payload);
  void begin_close(std::uint16_t with, std::string_view reason);
  void abandon();
  bool is_open() const { return phase_ == Phase::open; }
  std::size_t backlog() const { return unsent_.size() - sent_; }

  bool message(WebSocketKind kind, std::string_view payload) override;
  bool ping(std::string_view payload) override;
  bool pong(std::string_view) override { return true; }
  bool close(std::uint16_t with, std::string_view reason) override;

 private:
  enum class Phase { open, closing, leaving, closed };

  void on_ready(std::uint32_t events);
  void read();
  void take(std::string_view bytes);
  void end_of_input();
  void flush();
  void watch_out();
  bool written();
  void leave();
  void release();
  void end_later(WebSocketEnd end);
  void end_tell();
  void limit_close();
  void keep_alive();
  void arm_ping();

  Loop& loop_;
  Descriptor socket_;
  std::unique_ptr<TlsStream> tls_;  // none: plain
  WebSocketRole role_;
  WebSocketSettings settings_;
  wire::WebSocketParser parser_;
  Calls calls_;
  Phase phase_ = Phase::open;
  WebSocketEnd end_;
  std::string received_;  // until start()
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::shared_ptr<void> while_open_;
  Loop::TimerId ping_timer_ = 0, close_timer_ = 0;
  bool is_started_ = false, is_reading_ = false, is_abandoned_ = false;
  bool wants_out_ = false;    // EPOLLOUT is asked for
  bool half_closed_ = false;  // our half
  bool has_ended_ = false;    // `ended` is called or about to be
  bool was_heard_ = true;     // since the last ping
};

void WebSocket::State::start(Calls calls) {
  check(!is_started_, "a WebSocket is started once");
  is_started_ = true;
  calls_ = std::move(calls);
  if (phase_ == Phase::closed) return end_tell();
  const auto self = shared_from_this();
  loop_.watch(socket_.get(), wants_out_ ? EPOLLIN | EPOLLOUT : EPOLLIN,
              [self](std::uint32_t events) { self->on_ready(events); });
  arm_ping();
  if (received_.empty()) return;
  loop_.after(Duration{0},
              [self] {  // before anything that is read: a timer of now is due before the next poll
                if (self->phase_ != Phase::closed) self->take(std::exchange(self->received_, {}));
              });
}

void WebSocket::State::on_ready(std::uint32_t events) {
  if (events & EPOLLOUT) flush();
  const bool is_due = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || (tls_ && tls_->wants_write());
  if (phase_ != Phase::closed && is_due) read();
}

void WebSocket::State::read() {
  if (!received_.empty()) take(std::exchange(received_, {}));
  if (phase_ == Phase::closed) return;
  std::array<char, 16 * 1024> bytes;  // once a turn: others are served between
  const auto moved = tls_ ? tls_->receive(bytes) : tcp_receive(socket_.get(), bytes);
  switch (moved.how) {
    case Moved::How::would_block:
      return watch_out();
    case Moved::How::bytes:
      return take({bytes.data(), moved.bytes});
    case Moved::How::ended:
    case Moved::How::failed:
      return end_of_input();
  }
}

void WebSocket::State::take(std::string_view bytes) {
  was_heard_ = true;
  if (phase_ == Phase::leaving)
    return;  // what comes after their close, or after a breach, is not read
  is_reading_ = true;
  const auto failure = parser_.feed(bytes, *this);
  is_reading_ = false;
  if (phase_ == Phase::closed) return;
  if (failure) {
    end_ = {.code = failure->code, .reason = failure->why, .is_clean = false};
    if (phase_ == Phase::open)
      wire::append_close(unsent_, failure->code, failure->why, mask_of(role_));
    leave();
  }
  flush();
}

bool WebSocket::State::message(WebSocketKind kind, std::string_view payload) {
  if (calls_.message) calls_.message(kind, payload);
  return phase_ != Phase::closed;
}

bool WebSocket::State::ping(std::string_view payload) {
  if (phase_ == Phase::open) {
    wire::append_pong(unsent_, payload, mask_of(role_));
    written();
  }
  return phase_ != Phase::closed;
}

bool WebSocket::State::close(std::uint16_t with, std::string_view reason) {
  end_ = {.code = with, .reason = std::string(reason), .is_clean = true};
  if (phase_ == Phase::open)
    wire::append_close(unsent_, with, {}, mask_of(role_));  // 5.5.1: echo the code
  leave();
  return false;
}

bool WebSocket::State::send(WebSocketKind kind, std::string_view payload) {
  if (phase_ != Phase::open) return false;
  wire::append_message(unsent_, kind, payload, mask_of(role_));
  return written();
}

bool WebSocket::State::send_ping(std::string_view payload) {
  if (phase_ != Phase::open) return false;
  wire::append_ping(unsent_, payload, mask_of(role_));
  return written();
}

void WebSocket::State::begin_close(std::uint16_t with, std::string_view reason) {
  if (phase_ != Phase::open) return;
  wire::append_close(unsent_, with, reason, mask_of(role_));
  phase_ = Phase::closing;
  limit_close();
  if (!is_reading_) flush();
}

// What was appended is sent now, or once all that is being read is read. False: cut.
bool WebSocket::State::written() {
  if (!is_reading_ || backlog() > settings_.backlog_bytes) flush();
  if (phase_ != Phase::closed && backlog() > settings_.backlog_bytes)
    end_later({.reason = "The other end reads too slowly."});
  return phase_ != Phase::closed;
}

void WebSocket::State::flush() {
  if (phase_ == Phase::closed) return;
  while (backlog() > 0) {
    const auto rest = std::string_view(unsent_).substr(sent_);
    const auto moved = tls_ ? tls_->send(rest) : tcp_send(socket_.get(), rest);
    if (moved.how == Moved::How::would_block) break;
    if (moved.how != Moved::How::bytes)
      return end_later(end_.is_clean ? end_ : WebSocketEnd{.reason = "The connection was lost."});
    sent_ += moved.bytes;
  }
  if (backlog() == 0) {
    sent_ = 0;
    unsent_.clear();
    if (unsent_.capacity() > 4096) unsent_.shrink_to_fit();
  } else if (sent_ > unsent_.size() / 2) {  // moves each byte at most twice
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  watch_out();
  if (phase_ != Phase::leaving || backlog() > 0) return;
  // All is said. The server closes first (7.1.1); a refused peer is given time to read why: closing
  // with input unread would reset the connection and could take our close frame with it.
  if (role_ == WebSocketRole::server && end_.is_clean) return end_later(end_);
  if (!half_closed_ && (role_ == WebSocketRole::server || !end_.is_clean)) {
    if (tls_) tls_->say_goodbye();
    shutdown(socket_.get(), SHUT_WR);
  }
  half_closed_ = true;
}

// For what the socket has yet to take.
void WebSocket::State::watch_out() {
  const bool wants_out = backlog() > 0 || (tls_ && tls_->wants_write());
  if (is_started_ && wants_out != wants_out_)
    loop_.rewatch(socket_.get(), wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
  wants_out_ = wants_out;
}

void WebSocket::State::leave() {
  phase_ = Phase::leaving;
  limit_close();
}

void WebSocket::State::limit_close() {
  if (close_timer_ != 0) return;
  close_timer_ = loop_.after(settings_.close_within, [self = shared_from_this()] {
    if (self->phase_ == Phase::closed) return;
    self->end_later(self->phase_ == Phase::leaving
                        ? self->end_
                        : WebSocketEnd{.reason = "The close was not answered in time."});
  });
}

void WebSocket::State::end_of_input() {
  end_later(phase_ == Phase::leaving ? end_ : WebSocketEnd{.reason = "The connection was lost."});
}

// After a standstill of ours the answer lies unread in the socket: looked for before anybody is
// cut.
void WebSocket::State::keep_alive() {
  if (phase_ == Phase::open && !was_heard_) read();
  if (phase_ != Phase::open) return;
  if (!std::exchange(was_heard_, false)) return end_later({.reason = "The other end is silent."});
  send_ping({});
  if (phase_ == Phase::open) arm_ping();
}

void WebSocket::State::arm_ping() {
  if (settings_.ping_every <= Duration{0}) return;
  ping_timer_ =
      loop_.after(settings_.ping_every, [self = shared_from_this()] { self->keep_alive(); });
}

// The socket is closed now; `ended` is called from the loop, so that no caller of ours is called
// back into.
void WebSocket::State::end_later(WebSocketEnd end) {
  if (has_ended_) return;
  has_ended_ = true;
  end_ = std::move(end);
  release();
  if (is_started_) end_tell();
}

void WebSocket::State::end_tell() {
  loop_.after(Duration{0}, [self = shared_from_this()] {
    if (!self->is_abandoned_ && self->calls_.ended) self->calls_.ended(self->end_);
  });
}

void WebSocket::State::release() {
  phase_ = Phase::closed;
  if (is_started_ && socket_) loop_.unwatch(socket_.get());
  if (tls_) tls_->say_goodbye();
  tls_.reset();
  socket_.reset();
  while_open_.reset();
  loop_.cancel(ping_timer_);
  loop_.cancel(close_timer_);
  unsent_ = {};
  sent_ = 0;
}

void WebSocket::State::abandon() {
  is_abandoned_ = has_ended_ = true;
  release();
}

WebSocket::WebSocket(Loop& loop, Descriptor socket, WebSocketRole role,
                     const WebSocketSettings& settings, std::string received,
                     std::shared_ptr<void> while_open, std::unique_ptr<TlsStream> tls)
    : state_(std::make_shared<State>(loop, std::move(socket), role, settings, std::move(received),
                                     std::move(while_open), std::move(tls))) {}
WebSocket::~WebSocket() { state_->abandon(); }
void WebSocket::start(Calls calls) { state_->start(std::move(calls)); }
bool WebSocket::send(WebSocketKind kind, std::string_view payload) {
  return state_->send(kind, payload);
}
bool WebSocket::ping(std::string_view payload) { return state_->send_ping(payload); }
void WebSocket::close(std::uint16_t with, std::string_view reason) {
  state_->begin_close(with, reason);
}
bool WebSocket::is_open() const { return state_->is_open(); }
std::size_t WebSocket::backlog() const { return state_->backlog(); }

}  // namespace utakata::net
