#include "fleet/api/peer_link.h"

#include <fmt/format.h>

#include <utility>

namespace utakata {
namespace {

constexpr Duration patience{3s}, look_every{250ms};
constexpr std::size_t message_bytes = 64 * 1024 * 1024;

}  // namespace

PeerLink::PeerLink(net::Loop& loop, std::string url, std::string token, std::string ca)
    : loop_(loop),
      url_(std::move(url)),
      token_(std::move(token)),
      ca_(std::move(ca)),
      client_(loop),
      turn_end_(loop.on_turn_end([this] { send(); })),
      timer_(loop.every(look_every, [this] { look(); })) {}

PeerLink::~PeerLink() {
  *alive_ = false;
  loop_.cancel(timer_);
  loop_.cancel_turn_end(turn_end_);
}

void PeerLink::ask(PeerAsk ask, Done done) {
  ask.number = first_ + asked_.size();
  append_ask(unsent_, ask);
  asked_.push_back({std::move(done), loop_.now()});
  if (!socket_ && !dial_) dial();
}

void PeerLink::dial() {
  std::string url = url_;
  if (url.starts_with("http")) url.replace(0, 4, "ws");
  if (url.starts_with("wss:") && !trust_) {
    auto trust = net::TlsDialler::open({.ca_file = ca_});
    if (!trust) return lost(trust.error().what);
    trust_ = std::move(*trust);
  }
  dial_ = client_.dial({.url = url + "/v1/peer",
                        .headers = fmt::format("Authorization: Bearer {}\r\n", token_),
                        .deadline = patience,
                        .settings = {.message_bytes = message_bytes,
                                     .backlog_bytes = message_bytes,
                                     .ping_every = Duration{0}},
                        .trust = trust_.get()},
                       [this](auto socket) { opened(std::move(socket)); });
}

void PeerLink::opened(Expected<std::unique_ptr<net::WebSocket>> socket) {
  dial_ = 0;
  if (!socket) return lost(socket.error().what);
  socket_ = std::move(*socket);
  last_heard_ = loop_.now();
  socket_->start(
      {.message = [this](wire::WebSocketKind, std::string_view message) { heard(message); },
       .ended = [this](const net::WebSocketEnd&) { lost("the connection was lost"); }});
  send();
}

void PeerLink::send() {
  if (!socket_ || unsent_.empty()) return;
  const bool is_sent = socket_->send(wire::WebSocketKind::binary, unsent_);
  unsent_.clear();
  if (!is_sent) lost("it reads too slowly");
}

void PeerLink::heard(std::string_view message) {
  last_heard_ = loop_.now();
  const bool is_good =
      read_answers(message, [this](const PeerAnswer& answer) { finish(answer.number, answer); });
  if (!is_good) lost("its answer cannot be read");
}

void PeerLink::finish(std::uint64_t number, const Expected<PeerAnswer>& answer) {
  if (number < first_ || number - first_ >= asked_.size()) return;  // given up meanwhile
  const Done done = std::exchange(asked_[number - first_].done, nullptr);
  while (!asked_.empty() && !asked_.front().done) asked_.pop_front(), ++first_;
  if (done) done(answer);
}

// Later and not now: we may be inside a call of the WebSocket's.
void PeerLink::lost(const std::string& why) {
  loop_.post([old = std::shared_ptr<net::WebSocket>(std::move(socket_))] {});
  unsent_.clear();
  auto all = std::exchange(asked_, {});
  first_ += all.size();
  ++telling_;
  loop_.post([this, alive = alive_, all = std::move(all), why = fmt::format("{}: {}", url_, why)] {
    for (const Asked& one : all) {
      if (!*alive) return;
      if (one.done) one.done(problem(Problem::Kind::unavailable, why, true));
    }
    if (*alive) --telling_;
  });
}

void PeerLink::look() {
  const Instant now = loop_.now();
  if (asked_.empty()) return;
  if (socket_ && now - std::max(last_heard_, asked_.front().at) > patience)
    return lost("no answer within 3 s");
  while (!asked_.empty() && now - asked_.front().at > patience)
    finish(first_, problem(Problem::Kind::unavailable, url_ + ": no answer within 3 s", true));
}

}  // namespace utakata
