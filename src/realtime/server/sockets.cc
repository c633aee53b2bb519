#include "realtime/server/sockets.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>
#include <utility>

#include "net/tcp.h"
#include "wire/websocket_handshake.h"

namespace utakata::realtime {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
// So many bytes of the limit are for one frame: pongs are of 2, and cost as much memory as events.
constexpr std::size_t kBytesOfFrame = 64;

Frame close_frame(std::uint16_t code, std::string_view reason) {
  auto frame = std::make_shared<std::string>();
  wire::append_close(*frame, code, reason, std::nullopt);
  return frame;
}

}  // namespace

Frame text_frame(std::string text) {
  wire::prepend_head(text, wire::WebSocketKind::text);
  return std::make_shared<const std::string>(std::move(text));
}

void append_frame(std::string& frames, wire::WebSocketKind kind, std::string_view payload) {
  wire::append_message(frames, kind, payload, std::nullopt);
}

void each_message(std::string_view frames,
                  const std::function<void(wire::WebSocketKind, std::string_view payload)>& take) {
  struct Each final : wire::WebSocketSink {
    explicit Each(const std::function<void(wire::WebSocketKind, std::string_view)>& to) : to(to) {}
    const std::function<void(wire::WebSocketKind, std::string_view)>& to;
    bool message(wire::WebSocketKind kind, std::string_view payload) override {
      to(kind, payload);
      return true;
    }
    bool ping(std::string_view) override { return true; }
    bool pong(std::string_view) override { return true; }
    bool close(std::uint16_t, std::string_view) override { return false; }
  };
  Each each(take);
  wire::WebSocketParser(wire::WebSocketRole::client, {.message_bytes = frames.size()})
      .feed(frames, each);
}

// What one client said. Whatever is called may have closed it.
struct Sockets::Sink final : wire::WebSocketSink {
  Sink(Sockets& of, ClientSlot slot) : all(of), client(slot) {}
  Sockets& all;
  const ClientSlot client;

  bool goes_on() const { return all.sockets_[client]->phase <= Phase::closing; }
  bool message(wire::WebSocketKind kind, std::string_view payload) override {
    if (all.sockets_[client]->phase == Phase::open) all.calls_.message(client, kind, payload);
    return goes_on();
  }
  bool ping(std::string_view payload) override {
    if (all.sockets_[client]->phase == Phase::open)
      all.send(client, all.frame([payload](std::string& to) {
        wire::append_pong(to, payload, std::nullopt);
      }));
    return goes_on();
  }
  bool pong(std::string_view) override { return true; }
  bool close(std::uint16_t code, std::string_view) override {
    if (all.sockets_[client]->phase == Phase::open) all.send(client, close_frame(code, {}));
    all.leave(client, Phase::leaving);
    return false;
  }
};

Sockets::Sockets(net::Loop& loop, const SocketLimits& limits, Calls calls)
    : loop_(loop),
      limits_(limits),
      calls_(std::move(calls)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)),
      looks_(std::uint8_t(
          std::clamp<std::int64_t>(limits.silent_after / limits.answer_within + 1, 1, 200))),
      sweep_(loop.every(std::min<Duration>(1s, limits.answer_within), [this] { sweep(); })),
      turn_end_(loop.on_turn_end([this] { end_turn(); })) {}

Sockets::~Sockets() {
  loop_.cancel(sweep_);
  loop_.cancel_turn_end(turn_end_);
  for (const auto& socket : sockets_)
    if (socket->descriptor) loop_.unwatch(socket->descriptor.get());
}

ClientSlot Sockets::take_slot() {
  auto slot = ClientSlot(sockets_.size());
  if (free_.empty()) {
    sockets_.push_back(std::make_unique<Socket>());
    descriptors_.push_back(-1);
  } else {
    std::ranges::pop_heap(free_, std::greater<>{});
    slot = free_.back();
    free_.pop_back();
  }
  return slot;
}

ClientSlot Sockets::reserve() {
  const ClientSlot slot = take_slot();
  sockets_[slot]->phase = Phase::open;
  return slot;
}

void Sockets::free(ClientSlot client) {
  *sockets_[client] = {};
  free_.push_back(client);
  std::ranges::push_heap(free_, std::greater<>{});
}

bool NewSocket::send(std::string_view bytes) const {
  const net::Moved moved = tls ? tls->send(bytes) : net::tcp_send(descriptor.get(), bytes);
  return moved.bytes == bytes.size();
}

bool take_websocket(const net::HttpRequest& request, bool may_compress, NewSocket& socket) {
  const auto deflate = may_compress
                           ? wire::agree_to_deflate(request.header("sec-websocket-extensions"))
                           : std::nullopt;
  if (deflate) socket.window_bits = deflate->window_bits;
  return socket.send(wire::websocket_answer(request.header("sec-websocket-key"), {},
                                            deflate ? deflate->answer : ""));
}

ClientSlot Sockets::add(NewSocket fresh) {
  const ClientSlot slot = take_slot();
  Socket& socket = *sockets_[slot];
  socket = {.descriptor = std::move(fresh.descriptor),
            .phase = Phase::open,
            .is_tls = fresh.tls != nullptr};
  socket.parser =
      wire::WebSocketParser(wire::WebSocketRole::server, {.message_bytes = limits_.message_bytes});
  socket.window_bits = std::uint8_t(fresh.window_bits);
  if (fresh.window_bits != 0 && !deflater_) {
    deflater_ = std::make_unique<wire::Deflater>(limits_.deflate);
    inflater_ = std::make_unique<wire::Inflater>();
  }
  if (fresh.tls) tls_[slot] = std::move(fresh.tls);
  descriptors_[slot] = socket.is_tls || socket.window_bits != 0 ? -1 : socket.descriptor.get();
  loop_.watch(socket.descriptor.get(), events_of(socket),
              [this, slot](std::uint32_t events) { ready(slot, events); });
  return slot;
}

void Sockets::when_slow(ClientSlot client, SlowReaders policy) {
  sockets_[client]->when_slow = policy;
}

void Sockets::send(ClientSlot client, const Frame& frame, Topic topic, Twin* twin) {
  const int descriptor = descriptors_[client];
  if (descriptor < 0) return send_otherwise(client, frame, topic, twin);
  const net::Moved moved = net::tcp_send(descriptor, *frame);
  if (moved.how == net::Moved::How::failed) return drop(client);
  const std::size_t sent = moved.how == net::Moved::How::bytes ? moved.bytes : 0;
  if (sent < frame->size()) queue(client, frame, topic, sent);
}

// Over TLS, compressed, behind what waits already, or to a client without a socket.
void Sockets::send_otherwise(ClientSlot client, const Frame& frame, Topic topic, Twin* twin) {
  const Socket& socket = *sockets_[client];
  if (socket.phase != Phase::open) return;
  if (!socket.descriptor) return calls_.elsewhere(client, frame, topic);
  Twin own;
  const Frame& best = socket.window_bits != 0 ? best_for(socket, frame, twin ? *twin : own) : frame;
  std::size_t sent = 0;
  if (!socket.backlog) {
    const net::Moved moved = transmit(client, *best);
    if (moved.how == net::Moved::How::failed) return drop(client);
    sent = moved.how == net::Moved::How::bytes ? moved.bytes : 0;
    if (sent == best->size()) return;
  }
  queue(client, best, topic, sent);
}

const Frame& Sockets::best_for(const Socket& socket, const Frame& frame, Twin& twin) {
  if (!twin.frame) twin = compressed(*frame);
  return twin.window_bits <= socket.window_bits ? twin.frame : frame;
}

net::Moved Sockets::transmit(ClientSlot client, std::string_view bytes) {
  const Socket& socket = *sockets_[client];
  return socket.is_tls ? tls_.at(client)->send(bytes)
                       : net::tcp_send(socket.descriptor.get(), bytes);
}

// Each message of them; what is too small, or is none, stays as it is.
Twin Sockets::compressed(const std::string& frames) {
  Twin twin;
  auto made = std::make_shared<std::string>();
  for (std::string_view left = frames; !left.empty();) {
    const wire::WebSocketFrame frame = wire::first_frame(left);
    const auto deflated = frame.message ? deflater_->deflate(frame.payload) : std::nullopt;
    if (deflated) {
      wire::append_compressed_message(*made, *frame.message, *deflated, std::nullopt);
      twin.window_bits =
          std::max(twin.window_bits, wire::deflate_window_bits(frame.payload.size()));
    } else {
      made->append(left.substr(0, frame.bytes));
    }
    left.remove_prefix(frame.bytes);
  }
  twin.frame = std::move(made);
  return twin;
}

void Sockets::queue(ClientSlot client, const Frame& frame, Topic topic, std::size_t sent) {
  Socket& socket = *sockets_[client];
  if (!socket.backlog) {
    socket.backlog = std::make_unique<Backlog>();
    socket.backlog->sent = sent;
    descriptors_[client] = -1;
    loop_.rewatch(socket.descriptor.get(), events_of(socket));
  }
  if (socket.when_slow == SlowReaders::conflate && topic != 0) conflate(socket, topic);
  socket.backlog->frames.push_back({frame, topic});
  socket.backlog->bytes += frame->size() - sent;
  if (!is_above(*socket.backlog, limits_.backlog_bytes)) return;
  if (socket.when_slow != SlowReaders::close) drop_oldest(socket);
  if (!is_above(*socket.backlog, limits_.backlog_bytes)) return;
  ++slowness_.cut;
  drop(client);
}

bool Sockets::is_above(const Backlog& backlog, std::size_t bytes) {
  return backlog.bytes > bytes || (backlog.frames.size() - backlog.first) * kBytesOfFrame > bytes;
}

// Which of its frames have gone, or have begun to: those go out whole. Over TLS the first one has
// been offered, and is in a record already.
std::size_t Sockets::begun(const Socket& socket) {
  return socket.backlog->first + (socket.backlog->sent > 0 || socket.is_tls);
}

void Sockets::conflate(const Socket& socket, Topic topic) {
  Backlog& backlog = *socket.backlog;
  if (begun(socket) >= backlog.frames.size()) return;
  const auto from = backlog.frames.begin() + std::ptrdiff_t(begun(socket));
  const auto old = std::find_if(from, backlog.frames.end(),
                                [&](const auto& waiting) { return waiting.topic == topic; });
  if (old == backlog.frames.end()) return;
  backlog.bytes -= old->frame->size();
  backlog.frames.erase(old);
  ++slowness_.conflated;
}

// An eighth of it at once, so that each frame is moved a few times and not for each that comes.
void Sockets::drop_oldest(const Socket& socket) {
  Backlog& backlog = *socket.backlog;
  const std::size_t enough = limits_.backlog_bytes / 8 * 7;
  const auto from = backlog.frames.begin() + std::ptrdiff_t(begun(socket));
  std::size_t count = backlog.frames.size() - backlog.first;
  const auto kept = std::remove_if(from, backlog.frames.end(), [&](const auto& waiting) {
    const bool is_enough = backlog.bytes <= enough && count * kBytesOfFrame <= enough;
    if (waiting.topic == 0 || is_enough) return false;
    backlog.bytes -= waiting.frame->size();
    --count;
    ++slowness_.dropped;
    return true;
  });
  backlog.frames.erase(kept, backlog.frames.end());
}

void Sockets::flush(ClientSlot client) {
  Socket& socket = *sockets_[client];
  if (!socket.backlog) return;
  Backlog& backlog = *socket.backlog;
  while (backlog.first < backlog.frames.size()) {
    const std::string_view left =
        std::string_view(*backlog.frames[backlog.first].frame).substr(backlog.sent);
    const net::Moved moved = transmit(client, left);
    if (moved.how == net::Moved::How::would_block) break;
    if (moved.how != net::Moved::How::bytes) return drop(client);
    backlog.sent += moved.bytes;
    backlog.bytes -= moved.bytes;
    if (moved.bytes < left.size()) break;
    backlog.frames[backlog.first++].frame.reset();
    backlog.sent = 0;
  }
  if (backlog.first < backlog.frames.size()) {
    if (backlog.first > backlog.frames.size() / 2) {
      backlog.frames.erase(backlog.frames.begin(),
                           backlog.frames.begin() + std::ptrdiff_t(backlog.first));
      backlog.first = 0;
    }
    return;
  }
  socket.backlog.reset();
  loop_.rewatch(socket.descriptor.get(), events_of(socket));
  if (socket.phase == Phase::open && !socket.is_tls && socket.window_bits == 0)
    descriptors_[client] = socket.descriptor.get();
  if (socket.phase >= Phase::leaving) end_sending(client);
}

void Sockets::close(ClientSlot client, std::uint16_t code, std::string_view reason) {
  if (sockets_[client]->phase != Phase::open) return;
  send(client, close_frame(code, reason));
  if (sockets_[client]->phase == Phase::open) leave(client, Phase::closing);
}

// No more is sent than what is queued.
void Sockets::leave(ClientSlot client, Phase phase) {
  Socket& socket = *sockets_[client];
  if (socket.phase >= Phase::gone) return;
  descriptors_[client] = -1;
  socket.phase = phase;
  socket.until = loop_.turn_time() + limits_.close_within;
  if (socket.backlog) return;
  if (phase >= Phase::leaving) end_sending(client);
}

void Sockets::end_sending(ClientSlot client) {
  Socket& socket = *sockets_[client];
  if (socket.is_tls) tls_.at(client)->say_goodbye();
  if (socket.phase == Phase::leaving) return drop(client);
  // Closing on unread bytes would reset the connection, and could take our close frame with it.
  shutdown(socket.descriptor.get(), SHUT_WR);
}

void Sockets::drop(ClientSlot client) {
  Socket& socket = *sockets_[client];
  if (socket.phase >= Phase::gone) return;
  socket.phase = Phase::gone;
  descriptors_[client] = -1;
  loop_.unwatch(socket.descriptor.get());
  if (socket.is_tls) tls_.erase(client);
  socket.descriptor.reset();
  socket.backlog.reset();
  gone_.push_back(client);
}

// Told once of each arrival, the kernel looks at a socket half as often. Not over TLS, where a read
// does not take all that is there.
std::uint32_t Sockets::events_of(const Socket& socket) {
  return (socket.is_tls ? EPOLLIN : EPOLLIN | EPOLLRDHUP | EPOLLET) |
         (socket.backlog ? EPOLLOUT : 0u);
}

void Sockets::ready(ClientSlot client, std::uint32_t events) {
  if (events & EPOLLOUT) flush(client);
  if (sockets_[client]->phase < Phase::gone && (events & ~EPOLLOUT)) read(client, events);
}

void Sockets::read(ClientSlot client, std::uint32_t events) {
  Socket& socket = *sockets_[client];
  const std::span buffer(buffer_.get(), kBuffer);
  const net::Moved moved = socket.is_tls ? tls_.at(client)->receive(buffer)
                                         : net::tcp_receive(socket.descriptor.get(), buffer);
  if (moved.how == net::Moved::How::would_block) return;
  if (moved.how != net::Moved::How::bytes) return drop(client);
  // What this read has left, or an end behind it, is told only to who asks anew.
  if (moved.bytes == kBuffer || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
    loop_.rewatch(socket.descriptor.get(), events_of(socket));
  socket.silent_looks = 0;
  if (socket.phase > Phase::closing) return;  // what comes after their close is not read
  Sink sink(*this, client);
  const auto failure = socket.parser.feed({buffer_.get(), moved.bytes}, sink,
                                          socket.window_bits == 0 ? nullptr : inflater_.get());
  if (!failure || socket.phase >= Phase::gone) return;
  if (socket.phase == Phase::open) send(client, close_frame(failure->code, failure->why));
  if (socket.phase < Phase::gone) leave(client, Phase::lingering);
}

// One in so many seconds' worth of slots each time, so that what it brings is spread.
void Sockets::sweep() {
  const Instant now = loop_.turn_time();
  const Duration every = std::min<Duration>(1s, limits_.answer_within);
  const auto parts = std::size_t(limits_.answer_within / every);
  const auto part = std::size_t(now.time_since_epoch() / every) % parts;
  for (ClientSlot client = 0; client < sockets_.size(); ++client) {
    Socket& socket = *sockets_[client];
    if (socket.phase > Phase::open && socket.phase < Phase::gone && socket.until <= now)
      drop(client);
    if (socket.phase != Phase::open || !socket.descriptor || client % parts != part) continue;
    if (socket.silent_looks <= looks_) ++socket.silent_looks;
    if (socket.silent_looks >= looks_) calls_.silent(client, socket.silent_looks > looks_);
  }
}

void Sockets::end_turn() {
  while (!gone_.empty())  // who is told may find that others are gone
    for (const ClientSlot client : std::exchange(gone_, {})) {
      calls_.gone(client);
      free(client);
    }
}

}  // namespace utakata::realtime
