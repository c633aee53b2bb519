#include "net/http_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "wire/http1_answer.h"
#include "wire/websocket_handshake.h"

namespace utakata::net {
namespace {

constexpr std::size_t waiting_max = 64;  // pipelined and unanswered; then the client waits
constexpr std::size_t unsent_pause =
    64 * 1024;  // unread answers; then no more of its requests are read
constexpr std::size_t joined_max = 256 * 1024;     // one send() at most
constexpr std::size_t unsent_capacity = 4 * 1024;  // more is given back once all is sent
constexpr Duration linger_time =
    2s;  // for the client to read why it was refused, before a reset destroys it

class RequestView final : public HttpRequest {
 public:
  RequestView(const wire::Http1Request& request, const TcpPeer& from, bool tls)
      : request_(request) {
    method = request.method;
    path = request.path;
    query = request.query;
    body = request.body;
    peer = from.address;
    from_loopback = from.is_loopback;
    is_tls = tls;
  }
  std::string_view header(std::string_view name) const override { return request_.header(name); }

 private:
  const wire::Http1Request& request_;
};

wire::Http1Limits parser_limits(const HttpLimits& limits) {
  return {.header_bytes = limits.header_bytes, .body_bytes = limits.body_bytes};
}

}  // namespace

HttpConnection::HttpConnection(HttpConnections& all, std::size_t slot, Descriptor socket,
                               TcpPeer peer, std::unique_ptr<TlsStream> tls)
    : all_(&all),
      loop_(all.loop()),
      slot_(slot),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      tls_(std::move(tls)),
      parser_(parser_limits(all.limits())) {}

void HttpConnection::start() {
  events_ = EPOLLIN;
  all_->loop().watch(socket_.get(), events_, [this](std::uint32_t events) { on_ready(events); });
  update_deadline();
}

void HttpConnection::start_with(std::string_view bytes) {
  if (!all_) return;
  start();
  was_diverted_ = true;
  serve(bytes);
  settle();
}

void HttpConnection::on_ready(std::uint32_t events) {
  if (events & EPOLLERR) return close();
  if (events & EPOLLRDHUP) client_left();
  if (events & EPOLLOUT && !is_to_be_flushed_) send_unsent();
  if (all_ && (events & EPOLLIN || (tls_ && tls_->wants_write()))) read();
  // Both halves are closed, and there is nothing left that could be read.
  if (all_ && (events & EPOLLHUP) && !(events_ & EPOLLIN)) return close();
  settle();
}

void HttpConnection::read() {
  const auto buffer = all_->receive_buffer();
  const auto got = receive(buffer);
  if (got.how == Moved::How::would_block) return;
  if (got.how == Moved::How::failed) return close();
  if (got.how == Moved::How::ended) return end_of_input();
  if (!is_lingering_) serve({buffer.data(), got.bytes});
}

void HttpConnection::serve(std::string_view bytes) {
  is_reading_ = true;
  all_->joined().clear();
  parser_.feed(bytes, *this);
  if (all_ && parser_.take_continue()) {
    owes_continue_ = !waiting_.empty();
    if (!owes_continue_) out().append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  is_reading_ = false;
  if (all_) send_joined();
}

// To whoever serves WebSockets; false: nothing more is read here.
bool HttpConnection::hand_over(const wire::Http1Request& request) {
  auto refusal = wire::websocket_refusal(request);
  if (tls_ && !all_->upgrade_tls()) refusal = {501, "WebSockets are not served over TLS here."};
  if (!waiting_.empty() || !all_->joined().empty() || has_unsent())
    refusal = {400, "The answer to an earlier request must be read first."};
  if (refusal) return on_refused(*refusal), false;
  const auto self = shared_from_this();
  HttpConnections& all = *std::exchange(all_, nullptr);
  all.loop().unwatch(socket_.get());
  all.remove(slot_);
  const RequestView view(request, peer_, tls_ != nullptr);
  if (tls_)
    all.upgrade_tls()(view, peer_, std::move(socket_), std::move(tls_));
  else
    all.upgrade()(view, peer_, std::move(socket_));
  return false;
}

HttpConnection::Head HttpConnection::on_head(const wire::Http1Request& request,
                                             std::string_view from_here) {
  const bool may_leave = !std::exchange(was_diverted_, false) && !tls_ && all_->divert().wants;
  if (!may_leave || !all_->divert().wants(RequestView(request, peer_, false))) return Head::goes_on;
  if (waiting_.empty() && all_->joined().empty() && !has_unsent())
    return divert(from_here), Head::leave;
  is_paused_ = waits_to_leave_ = true;
  return Head::wait;
}

void HttpConnection::divert(std::string_view bytes) {
  const auto self = shared_from_this();
  HttpConnections& all = *std::exchange(all_, nullptr);
  all.loop().unwatch(socket_.get());
  all.remove(slot_);
  all.divert().take(peer_, std::string(bytes), std::move(socket_));
}

bool HttpConnection::on_request(const wire::Http1Request& request) {
  if (request.is_upgrade && (all_->upgrade() || (tls_ && all_->upgrade_tls())))
    return hand_over(request);
  is_last_ = !request.keep_alive;
  waiting_.push_back(
      {.is_head = request.method == "HEAD", .is_http10 = request.is_http10, .closes = is_last_});
  const RequestView view(request, peer_, tls_ != nullptr);
  all_->handler()(view, HttpReply(shared_from_this(), first_ + waiting_.size() - 1));
  if (!all_ || is_last_) return false;
  if (all_->joined().size() > joined_max) send_joined();
  is_paused_ = is_full();
  return !is_paused_;
}

void HttpConnection::on_refused(const wire::Http1Refusal& refusal) {
  is_last_ = true;
  waiting_.push_back({.is_head = false, .is_http10 = false, .closes = true});
  answer_problem(first_ + waiting_.size() - 1, refusal.status, refusal.why);
}

bool HttpConnection::is_full() const {
  return waiting_.size() >= waiting_max || unsent_.size() - sent_ > unsent_pause;
}

// After anything happened: goes on with what was kept, ends what is over, and waits for what comes
// next.
void HttpConnection::settle() {
  while (all_ && is_paused_ && !is_full()) {
    if (waits_to_leave_ && (!waiting_.empty() || has_unsent())) break;
    is_paused_ = waits_to_leave_ = false;
    serve({});
  }
  if (!all_) return;
  if (is_closing_ && !is_lingering_ && !has_unsent()) finish();
  if (all_ && input_ended_ && waiting_.empty() && !has_unsent()) close();
  if (!all_) return;
  update_events();
  update_deadline();
}

void HttpConnection::finish() {
  // A reset, which is what closing on unread bytes sends, could destroy the answer before the
  // client has read it.
  if (input_ended_) return close();
  if (tls_) tls_->say_goodbye();
  shutdown(socket_.get(), SHUT_WR);
  is_lingering_ = true;
}

void HttpConnection::end_of_input() {
  input_ended_ = true;
  client_left();
  if (is_lingering_ || (!waiting_.empty() && waiting_.front().is_stream)) close();
}

void HttpConnection::close() {
  if (!all_) return;
  all_->loop().unwatch(socket_.get());
  socket_.reset();
  waiting_.clear();
  std::string().swap(unsent_);
  sent_ = 0;
  std::exchange(all_, nullptr)->remove(slot_);
  client_left();
}

void HttpConnection::client_left() {
  has_left_ = true;
  if (!gone_.empty()) loop_.post([self = shared_from_this()] { self->tell_gone(); });
}

void HttpConnection::on_deadline() {
  const auto now = phase();
  if ((now != Phase::header && now != Phase::body) || (tls_ && !tls_->is_ready())) return close();
  on_refused({408, now == Phase::header ? "The header of the request took too long to arrive."
                                        : "The body of the request took too long to arrive."});
  send_unsent();
  settle();
}

HttpConnection::Phase HttpConnection::phase() const {
  if (is_lingering_) return Phase::lingering;
  if (has_unsent()) return Phase::writing;
  if (!waiting_.empty()) return Phase::answering;
  if (tls_ && !tls_->is_ready()) return Phase::header;  // a handshake may take no longer
  switch (parser_.place()) {
    case wire::Http1Parser::Place::between:
      return Phase::idle;
    case wire::Http1Parser::Place::header:
      return Phase::header;
    case wire::Http1Parser::Place::body:
      return Phase::body;
  }
  return Phase::idle;
}

// A deadline is set when a phase begins, and again when it begins anew: the mark counts requests,
// or sends that went through.
void HttpConnection::update_deadline() {
  const auto now = phase();
  const auto mark = now == Phase::writing ? sends_ : first_ + waiting_.size() + 1;
  if (now == deadline_phase_ && mark == deadline_mark_) return;
  deadline_phase_ = now;
  deadline_mark_ = mark;
  const auto& limits = all_->limits();
  const auto time = all_->loop().turn_time();
  Instant deadline = Instant::max();
  switch (now) {
    case Phase::idle:
      deadline = time + limits.idle_time;
      break;
    case Phase::header:
      deadline = time + limits.header_time;
      break;
    case Phase::body:
    case Phase::writing:
      deadline = time + limits.body_time;
      break;
    case Phase::lingering:
      deadline = time + linger_time;
      break;
    case Phase::answering:
      break;  // the handler takes its time
  }
  all_->set_deadline(slot_, deadline, now == Phase::idle);
}

void HttpConnection::update_events() {
  const bool reads = is_lingering_ || !(is_paused_ || is_last_ || input_ended_);
  const bool writes = (has_unsent() && !is_to_be_flushed_) || (tls_ && tls_->wants_write());
  const std::uint32_t events = (reads ? std::uint32_t{EPOLLIN} : 0u) |
                               (writes ? std::uint32_t{EPOLLOUT} : 0u) |
                               (gone_.empty() || has_left_ ? 0u : std::uint32_t{EPOLLRDHUP});
  if (events == events_) return;
  events_ = events;
  all_->loop().rewatch(socket_.get(), events);
}

Moved HttpConnection::receive(std::span<char> into) {
  return tls_ ? tls_->receive(into) : tcp_receive(socket_.get(), into);
}
Moved HttpConnection::transmit(std::string_view bytes) {
  return tls_ ? tls_->send(bytes) : tcp_send(socket_.get(), bytes);
}

void HttpConnection::send_joined() {
  auto& joined = all_->joined();
  if (joined.empty()) return is_to_be_flushed_ ? void() : send_unsent();
  const auto gone = transmit(joined);
  if (gone.how == Moved::How::failed) return close();
  if (gone.bytes < joined.size()) unsent_.append(joined, gone.bytes);
  ++sends_;
  joined.clear();
}

void HttpConnection::send_unsent() {
  if (!has_unsent()) return;
  const auto gone = transmit(std::string_view(unsent_).substr(sent_));
  if (gone.how == Moved::How::failed) return close();
  if (gone.bytes > 0) ++sends_;
  sent_ += gone.bytes;
  if (!has_unsent()) {
    unsent_.clear();
    sent_ = 0;
    if (unsent_.capacity() > unsent_capacity) std::string().swap(unsent_);
  } else if (sent_ > unsent_.size() / 2) {
    unsent_.erase(0, std::exchange(sent_, 0));
  }
}

void HttpConnection::flush() {
  is_to_be_flushed_ = false;
  if (!all_) return;
  send_unsent();
  settle();
}

}  // namespace utakata::net
