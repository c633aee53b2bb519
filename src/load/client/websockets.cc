#include "load/client/websockets.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"
#include "net/tcp.h"
#include "wire/websocket_handshake.h"

namespace utakata::load {
namespace {

using wire::websocket_code::cut;
using wire::websocket_code::none_given;

constexpr std::size_t kBuffer = 64 * 1024;

// The value of a header line of an answer, whose head is whole; empty: there is none.
std::string_view header_in(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    std::string_view value = line.substr(name.size() + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    return value.substr(0, value.find_last_not_of(" \t") + 1);
  }
  return {};
}

bool is_offered(std::string_view request, std::string_view protocol) {
  std::string_view list = header_in(request, "sec-websocket-protocol");
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == protocol) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
    list.remove_prefix(std::min(list.find_first_not_of(' '), list.size()));
  }
  return false;
}

std::string words(std::size_t bytes) {
  return bytes >> 20 << 20 == bytes ? fmt::format("{} MB", bytes >> 20)
                                    : fmt::format("{} bytes", bytes);
}

// Of an answer's first line; 0: it has none.
int status_in(std::string_view answer) {
  constexpr std::string_view start = "HTTP/1.1 ";
  int status = 0;
  if (answer.starts_with(start))
    std::from_chars(answer.data() + start.size(), answer.data() + answer.size(), status);
  return status >= 100 && status <= 999 ? status : 0;
}

}  // namespace

// What one server said. Whatever is called may have closed it, but not freed its slot.
struct WebSockets::Sink final : wire::WebSocketSink {
  Sink(WebSockets& of, Slot number) : all(of), slot(number), socket(*of.sockets_[number]) {}
  WebSockets& all;
  const Slot slot;
  Socket& socket;

  bool goes_on() const { return socket.state == State::open || socket.state == State::closing; }
  bool message(wire::WebSocketKind kind, std::string_view payload) override {
    if (socket.phase == Phase::first_message) all.take_first(socket);
    all.calls_.message(slot, kind, payload);
    return goes_on();
  }
  bool ping(std::string_view payload) override {
    all.frame_.clear();
    wire::append_pong(all.frame_, payload, all.mask());
    if (socket.state == State::open) all.transmit(slot, all.frame_);
    return goes_on();
  }
  bool pong(std::string_view) override { return true; }
  bool close(std::uint16_t code, std::string_view reason) override {
    socket.end = std::make_unique<WebSocketEnd>(
        WebSocketEnd{.code = code, .reason = std::string(reason), .is_clean = true});
    if (socket.state == State::open) all.send_close(slot, code, {});
    return false;  // the server ends the connection (RFC 6455 section 7.1.1)
  }
};

WebSockets::WebSockets(net::Loop& loop, const Limits& limits, Sources& sources, Calls calls)
    : loop_(loop),
      limits_(limits),
      sources_(sources),
      calls_(std::move(calls)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)),
      random_(std::random_device{}()),
      sweep_(loop.every(500ms, [this] { sweep(); })),
      turn_end_(loop.on_turn_end([this] { end_turn(); })) {
  static_assert(sizeof(Socket) <= 256, "each idle user has one");
}

WebSockets::~WebSockets() {
  loop_.cancel(sweep_);
  loop_.cancel_turn_end(turn_end_);
  for (const auto& socket : sockets_)
    if (socket->line.socket) loop_.unwatch(socket->line.socket.get());
}

Slot WebSockets::dial(const WebSocketDial& dial) {
  check(!dial.addresses.empty(), "who dials has an address");
  auto slot = Slot(sockets_.size());
  if (free_.empty()) {
    sockets_.push_back(std::make_unique<Socket>());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  ++count_;
  Socket& socket = *sockets_[slot];
  socket = {.state = State::connecting, .until = loop_.turn_time() + dial.deadline};
  socket.parser =
      wire::WebSocketParser(wire::WebSocketRole::client, {.message_bytes = limits_.message_bytes});
  const std::string key = new_key();
  std::string headers = dial.headers;
  if (dial.offers_deflate)
    headers.append("Sec-WebSocket-Extensions: ").append(wire::deflate_offer).append("\r\n");
  socket.dialling = std::make_unique<Dialling>(
      Dialling{.request = wire::websocket_request(dial.host, dial.target, key, headers),
               .answer = {},
               .key = key,
               .addresses = dial.addresses,
               .offers_deflate = dial.offers_deflate,
               .begin = loop_.now(),
               .tls = dial.tls,
               .name = dial.name});
  dial_next(slot);
  return slot;
}

void WebSockets::dial_next(Slot slot) {
  Socket& socket = *sockets_[slot];
  Dialling& dialling = *socket.dialling;
  while (dialling.next < dialling.addresses.size()) {
    auto line = sources_.dial(dialling.addresses[dialling.next++]);
    if (line) {
      socket.line = std::move(*line);
      loop_.watch(socket.line.socket.get(), EPOLLOUT,
                  [this, slot](std::uint32_t events) { ready(slot, events); });
      return;
    }
    if (dialling.next == dialling.addresses.size()) fail(slot, line.error());
  }
}

void WebSockets::ready(Slot slot, std::uint32_t events) {
  Socket& socket = *sockets_[slot];
  switch (socket.state) {
    case State::connecting:
      return connected(slot);
    case State::encrypting:
      return shake_hands(slot);
    case State::handshaking:
      return read_answer(slot);
    case State::open:
    case State::closing:
      if (events & EPOLLOUT) flush(slot);
      if (events & ~std::uint32_t(EPOLLOUT) && socket.state <= State::closing) read(slot);
      return;
    case State::gone:
    case State::free:
      return;
  }
}

void WebSockets::connected(Slot slot) {
  Socket& socket = *sockets_[slot];
  Dialling& dialling = *socket.dialling;
  if (const int error = connect_failure(socket.line.socket.get()); error != 0) {
    if (dialling.next == dialling.addresses.size()) return fail(slot, failure_of(error));
    hang_up(socket);
    return dial_next(slot);
  }
  dialling.connected = dialling.encrypted = loop_.now();
  if (!dialling.tls) return ask(slot);
  socket.line.tls = dialling.tls->dial(socket.line.socket.get(), dialling.name);
  socket.state = State::encrypting;
  socket.phase = Phase::tls;
  loop_.rewatch(socket.line.socket.get(), EPOLLIN);
  shake_hands(slot);
}

void WebSockets::shake_hands(Slot slot) {
  const Socket& socket = *sockets_[slot];
  net::TlsStream& tls = *socket.line.tls;
  switch (tls.handshake().how) {
    case net::Moved::How::would_block:
      return loop_.rewatch(socket.line.socket.get(), EPOLLIN | (tls.wants_write() ? EPOLLOUT : 0u));
    case net::Moved::How::ended:
      return fail(slot, {FailureKind::hung_up, "hung up in the middle of the handshake of TLS"});
    case net::Moved::How::failed:
      return fail(slot, {FailureKind::tls, tls.failure()});
    case net::Moved::How::bytes:
      socket.dialling->encrypted = loop_.now();
      return ask(slot);
  }
}

void WebSockets::ask(Slot slot) {
  Socket& socket = *sockets_[slot];
  socket.state = State::handshaking;
  socket.phase = Phase::handshake;
  // A fresh connection takes a request whole; one that does not is none to measure with.
  const net::Moved moved = socket.line.send(socket.dialling->request);
  if (moved.how != net::Moved::How::bytes || moved.bytes < socket.dialling->request.size())
    return fail(slot,
                {FailureKind::reset, "the connection was lost before the handshake was sent"});
  loop_.rewatch(socket.line.socket.get(), EPOLLIN);
}

void WebSockets::read_answer(Slot slot) {
  Socket& socket = *sockets_[slot];
  const net::Moved moved = socket.line.receive(std::span(buffer_.get(), kBuffer));
  if (moved.how == net::Moved::How::would_block) return;
  if (moved.how != net::Moved::How::bytes)
    return fail(slot,
                {moved.how == net::Moved::How::ended ? FailureKind::hung_up : FailureKind::reset,
                 "the connection was closed before the handshake was answered"});
  Dialling& dialling = *socket.dialling;
  dialling.answer.append(buffer_.get(), moved.bytes);
  std::optional<wire::DeflateAgreement> deflate;
  const auto size = wire::read_websocket_answer(dialling.answer, dialling.key,
                                                dialling.offers_deflate ? &deflate : nullptr);
  if (!size) return refused(slot, size.error().what);
  if (!*size) return;
  const auto protocol =
      header_in(std::string_view(dialling.answer).substr(0, **size), "sec-websocket-protocol");
  if (!protocol.empty() && !is_offered(dialling.request, protocol))
    return refused(slot, fmt::format("it chose the subprotocol {}, which was not offered",
                                     protocol.substr(0, 100)));
  const auto done = std::move(socket.dialling);
  socket.state = State::open;
  socket.phase = Phase::first_message;
  socket.until = Instant::max();
  socket.opened = loop_.now();
  if (deflate) socket.window_bits = std::uint8_t(deflate->window_bits);
  calls_.opened(slot, {.protocol = protocol,
                       .extensions = deflate ? deflate->answer : std::string_view{},
                       .connect = done->connected - done->begin,
                       .tls = done->encrypted - done->connected,
                       .handshake = socket.opened - done->encrypted});
  const auto rest = std::string_view(done->answer).substr(**size);
  if (!rest.empty() && socket.state <= State::closing) hear(slot, rest);
}

// Of a whole answer with another status than 101 this is what is counted.
void WebSockets::refused(Slot slot, std::string what) {
  const int status = status_in(sockets_[slot]->dialling->answer);
  const bool is_status = status != 0 && status != 101;
  fail(slot, {is_status ? FailureKind::status : FailureKind::malformed, std::move(what)},
       is_status ? status : 0);
}

void WebSockets::read(Slot slot) {
  Socket& socket = *sockets_[slot];
  const net::Moved moved = socket.line.receive(std::span(buffer_.get(), kBuffer));
  if (moved.how == net::Moved::How::would_block) return;
  if (moved.how == net::Moved::How::bytes) return hear(slot, {buffer_.get(), moved.bytes});
  if (socket.end) return drop(slot);
  fail(slot, {moved.how == net::Moved::How::ended ? FailureKind::hung_up : FailureKind::reset,
              "the connection was lost"});
}

void WebSockets::hear(Slot slot, std::string_view bytes) {
  Sink sink(*this, slot);
  const bool is_agreed = sink.socket.window_bits > 0;
  if (is_agreed && !inflater_) inflater_ = std::make_unique<wire::Inflater>();
  const auto failure = sink.socket.parser.feed(bytes, sink, is_agreed ? inflater_.get() : nullptr);
  if (!failure || sink.socket.state > State::closing) return;
  send_close(slot, failure->code, failure->why);
  if (failure->code == wire::websocket_code::too_big)
    return fail(slot, {FailureKind::too_big,
                       fmt::format("a message is larger than {}", words(limits_.message_bytes))});
  fail(slot, {FailureKind::malformed, failure->why});
}

void WebSockets::take_first(Socket& socket) {
  socket.phase = Phase::open;
  calls_.first_message(loop_.now() - socket.opened);
}

// None: it goes out as it is.
std::optional<std::string_view> WebSockets::deflated(const Socket& socket,
                                                     std::string_view payload) {
  if (wire::deflate_window_bits(payload.size()) > socket.window_bits) return std::nullopt;
  if (!deflater_) deflater_ = std::make_unique<wire::Deflater>();
  return deflater_->deflate(payload);
}

bool WebSockets::send(Slot slot, wire::WebSocketKind kind, std::string_view payload) {
  if (sockets_[slot]->state != State::open) return false;
  frame_.clear();
  if (const auto small = deflated(*sockets_[slot], payload))
    wire::append_compressed_message(frame_, kind, *small, mask());
  else
    wire::append_message(frame_, kind, payload, mask());
  transmit(slot, frame_);
  return true;
}

void WebSockets::transmit(Slot slot, std::string_view frame) {
  Socket& socket = *sockets_[slot];
  if (!socket.backlog) {
    const net::Moved moved = socket.line.send(frame);
    // A connection that is lost is told of when it is read.
    frame.remove_prefix(moved.how == net::Moved::How::bytes ? moved.bytes : 0);
    if (frame.empty() || moved.how == net::Moved::How::failed) return;
    socket.backlog = std::make_unique<Backlog>();
    loop_.rewatch(socket.line.socket.get(), EPOLLIN | EPOLLOUT);
  }
  if (socket.backlog->left().size() + frame.size() > limits_.backlog_bytes)
    return fail(slot, {FailureKind::not_read,
                       fmt::format("more than {} were sent that the server has not read",
                                   words(limits_.backlog_bytes))});
  socket.backlog->bytes.append(frame);
}

void WebSockets::flush(Slot slot) {
  Socket& socket = *sockets_[slot];
  if (!socket.backlog) return;
  const net::Moved moved = socket.line.send(socket.backlog->left());
  if (moved.how != net::Moved::How::bytes) return;
  socket.backlog->take(moved.bytes);
  if (!socket.backlog->left().empty()) return;
  socket.backlog.reset();
  loop_.rewatch(socket.line.socket.get(), EPOLLIN);
}

void WebSockets::close(Slot slot, std::uint16_t code, std::string_view reason) {
  Socket& socket = *sockets_[slot];
  if (socket.state == State::open) return send_close(slot, code, reason);
  if (socket.state < State::open)
    fail(slot, {FailureKind::given_up, "it was closed before it was open"});
}

void WebSockets::send_close(Slot slot, std::uint16_t code, std::string_view reason) {
  Socket& socket = *sockets_[slot];
  if (std::exchange(socket.has_sent_close, true)) return;
  frame_.clear();
  wire::append_close(frame_, code, reason, mask());
  transmit(slot, frame_);
  if (socket.state > State::closing) return;
  socket.state = State::closing;
  socket.until = loop_.turn_time() + limits_.close_within;
}

std::size_t WebSockets::backlog(Slot slot) const {
  const Socket& socket = *sockets_[slot];
  return socket.backlog ? socket.backlog->left().size() : 0;
}

std::size_t WebSockets::backlog() const {
  std::size_t sum = 0;
  for (const auto& socket : sockets_)
    if (socket && socket->backlog) sum += socket->backlog->left().size();
  return sum;
}

void WebSockets::fail(Slot slot, Failure failure, int status) {
  Socket& socket = *sockets_[slot];
  socket.end = std::make_unique<WebSocketEnd>(
      WebSocketEnd{.failure = failure.kind, .status = status, .what = std::move(failure.what)});
  drop(slot);
}

void WebSockets::hang_up(Socket& socket) {
  if (!socket.line.socket) return;
  loop_.unwatch(socket.line.socket.get());
  if (socket.line.tls) socket.line.tls->say_goodbye();
  socket.line.tls.reset();
  sources_.closed(socket.line);
}

void WebSockets::drop(Slot slot) {
  Socket& socket = *sockets_[slot];
  if (socket.state >= State::gone) return;
  socket.state = State::gone;
  hang_up(socket);
  gone_.push_back(slot);
}

void WebSockets::sweep() {
  const Instant now = loop_.turn_time();
  for (Slot slot = 0; slot < sockets_.size(); ++slot) {
    Socket& socket = *sockets_[slot];
    if (socket.state > State::closing || socket.until > now) continue;
    if (socket.state < State::open)
      fail(slot, {FailureKind::timed_out, "there was no answer in time"});
    else if (socket.end)
      drop(slot);  // theirs took too long to end it
    else
      fail(slot, {FailureKind::timed_out, "the close was not answered in time"});
  }
}

// Whoever dials hears of a refusal after it has the slot.
void WebSockets::end_turn() {
  while (!gone_.empty())  // who is told may close others
    for (const Slot slot : std::exchange(gone_, {})) {
      WebSocketEnd end = std::move(*sockets_[slot]->end);
      end.phase = sockets_[slot]->phase;
      *sockets_[slot] = {};
      --count_;
      calls_.ended(slot, end);
      free_.push_back(slot);
    }
}

wire::WebSocketMask WebSockets::mask() {
  const std::uint32_t word = random_();
  wire::WebSocketMask mask;
  std::memcpy(mask.data(), &word, sizeof word);
  return mask;
}

std::string WebSockets::new_key() {
  std::array<std::uint8_t, 16> random;
  for (std::size_t at = 0; at < random.size(); at += 4) {
    const std::uint32_t word = random_();
    std::memcpy(&random[at], &word, sizeof word);
  }
  return wire::websocket_key(random);
}

}  // namespace utakata::load
