#include "load/client/http.h"

#include <sys/epoll.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace utakata::load {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::size_t kSmall = 4096;  // of a request: what is kept for the next one
constexpr auto kNone = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint64_t pool_key(OriginId origin, std::uint32_t pool) {
  return std::uint64_t{origin} << 32 | pool;
}

// Between the status and the end of the line.
std::string_view status_text(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t before = sizeof "HTTP/1.1 200";
  return line.size() > before ? line.substr(before) : std::string_view{};
}

// Of a method that usually has a body its absence is said, too (RFC 9110 section 8.6).
bool says_length(const HttpAsk& ask) {
  return ask.body || ask.method == "POST" || ask.method == "PUT" || ask.method == "PATCH";
}

void write(std::string& bytes, const HttpAsk& ask) {
  bytes.clear();
  bytes.append(ask.method).append(" ").append(ask.target).append(" HTTP/1.1\r\n");
  bytes.append(ask.headers);
  const std::string_view body = ask.body.value_or("");
  if (says_length(ask))
    fmt::format_to(std::back_inserter(bytes), "Content-Length: {}\r\n", body.size());
  bytes.append("\r\n").append(body);
}

}  // namespace

HttpRequests::HttpRequests(net::Loop& loop, const Limits& limits, Sources& sources, Calls calls)
    : loop_(loop),
      limits_(limits),
      sources_(sources),
      calls_(std::move(calls)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)),
      sweep_(loop.every(std::min(limits.idle, Duration{10s}), [this] { sweep(); })),
      turn_end_(loop.on_turn_end([this] { end_turn(); })) {}

HttpRequests::~HttpRequests() {
  loop_.cancel(sweep_);
  loop_.cancel_turn_end(turn_end_);
  for (const auto& request : requests_) loop_.cancel(request->deadline);
  for (const auto& connection : connections_)
    if (connection->line.socket) loop_.unwatch(connection->line.socket.get());
}

OriginId HttpRequests::origin(const HttpOrigin& origin) {
  check(!origin.addresses.empty(), "who asks has an address");
  const auto found = std::ranges::find_if(origins_, [&](const HttpOrigin& one) {
    return one.host == origin.host && one.tls == origin.tls;
  });
  if (found == origins_.end()) {
    origins_.push_back(origin);
    return OriginId(origins_.size() - 1);
  }
  found->addresses = origin.addresses;
  return OriginId(found - origins_.begin());
}

RequestId HttpRequests::new_request() {
  if (free_requests_.empty()) {
    requests_.push_back(std::make_unique<Request>());
    return RequestId(requests_.size() - 1);
  }
  const RequestId id = free_requests_.back();
  free_requests_.pop_back();
  return id;
}

RequestId HttpRequests::request(const HttpAsk& ask) {
  const RequestId id = new_request();
  Request& one = *requests_[id];
  one.state = State::under_way;
  one.end = {};
  one.is_idempotent = ask.method == "GET" || ask.method == "HEAD" || ask.method == "OPTIONS";
  one.is_aborted = false;
  one.origin = ask.origin;
  one.pool = ask.pool;
  one.times = {};
  one.begin = loop_.now();
  write(one.bytes, ask);
  one.reader.begin(limits_.answer, ask.method == "HEAD");
  one.deadline = loop_.after(ask.deadline, [this, id] {
    requests_[id]->end.is_late = true;
    fail(id, {FailureKind::timed_out, "it was not done in time"});
  });
  if (const auto slot = kept(ask, one.is_idempotent)) {
    carry(*slot, id);
    send(*slot);
  } else {
    dial(id);
  }
  return id;
}

void HttpRequests::dial(RequestId id) {
  Request& one = *requests_[id];
  one.end.phase = HttpPhase::connect;
  one.dialled = loop_.now();
  one.address = 0;
  dial_next(id);
}

void HttpRequests::dial_next(RequestId id) {
  Request& one = *requests_[id];
  // They may have become fewer since.
  const auto& addresses = origins_[one.origin].addresses;
  std::expected<Line, Failure> line =
      std::unexpected(Failure{FailureKind::unreachable, "its host has moved"});
  while (!line && one.address < addresses.size()) line = sources_.dial(addresses[one.address++]);
  if (!line) return fail(id, line.error());
  Slot slot = Slot(connections_.size());
  if (free_connections_.empty()) {
    connections_.push_back(std::make_unique<Connection>());
  } else {
    slot = free_connections_.back();
    free_connections_.pop_back();
  }
  ++open_;
  Connection& connection = *connections_[slot];
  connection = {.line = std::move(*line), .origin = one.origin, .pool = one.pool, .since = {}};
  carry(slot, id);
  loop_.watch(connection.line.socket.get(), EPOLLOUT,
              [this, slot](std::uint32_t events) { ready(slot, events); });
}

void HttpRequests::carry(Slot slot, RequestId id) {
  connections_[slot]->is_awaited = true;
  connections_[slot]->request = id;
  Request& one = *requests_[id];
  one.connection = slot;
  one.has_connection = true;
  one.sent = 0;
  one.is_sent = false;
}

void HttpRequests::ready(Slot slot, std::uint32_t events) {
  const Connection& connection = *connections_[slot];
  if (connection.is_awaited) {
    const HttpPhase phase = requests_[connection.request]->end.phase;
    if (phase == HttpPhase::connect) return connected(slot);
    if (phase == HttpPhase::tls) return shake_hands(slot);
    if (events & EPOLLOUT) send(slot);
  }
  if (events & ~std::uint32_t(EPOLLOUT)) read(slot);
}

void HttpRequests::connected(Slot slot) {
  Connection& connection = *connections_[slot];
  Request& one = *requests_[connection.request];
  if (const int error = connect_failure(connection.line.socket.get()); error != 0) {
    if (one.address >= origins_[one.origin].addresses.size())
      return fail(connection.request, failure_of(error));
    one.has_connection = false;
    drop(slot);
    return dial_next(connection.request);
  }
  one.times.connect = loop_.now() - one.dialled;
  loop_.rewatch(connection.line.socket.get(), EPOLLIN);
  const HttpOrigin& origin = origins_[one.origin];
  if (!origin.tls) return send(slot);
  connection.line.tls = origin.tls->dial(connection.line.socket.get(), origin.name);
  one.end.phase = HttpPhase::tls;
  shake_hands(slot);
}

void HttpRequests::shake_hands(Slot slot) {
  const Connection& connection = *connections_[slot];
  Request& one = *requests_[connection.request];
  const net::TlsStream& tls = *connection.line.tls;
  switch (connection.line.tls->handshake().how) {
    case net::Moved::How::would_block:
      return await_writing(slot, tls.wants_write());
    case net::Moved::How::ended:
      return fail(connection.request,
                  {FailureKind::hung_up, "hung up in the middle of the handshake"});
    case net::Moved::How::failed:
      return fail(connection.request, {FailureKind::tls, tls.failure()});
    case net::Moved::How::bytes:
      one.times.tls = loop_.now() - one.dialled - one.times.connect;
      return send(slot);
  }
}

void HttpRequests::await_writing(Slot slot, bool is_awaited) {
  Connection& connection = *connections_[slot];
  if (std::exchange(connection.is_writing, is_awaited) != is_awaited)
    loop_.rewatch(connection.line.socket.get(), EPOLLIN | (is_awaited ? EPOLLOUT : 0u));
}

void HttpRequests::send(Slot slot) {
  const Connection& connection = *connections_[slot];
  Request& one = *requests_[connection.request];
  if (one.is_sent) return await_writing(slot, false);
  one.end.phase = std::max(one.end.phase, HttpPhase::send);
  const net::Moved moved = connection.line.send(std::string_view(one.bytes).substr(one.sent));
  if (moved.how == net::Moved::How::bytes) one.sent += moved.bytes;
  one.is_sent = one.sent == one.bytes.size();
  // What is closed is read as such: the answer may have come before.
  await_writing(slot, !one.is_sent && moved.how != net::Moved::How::failed);
  if (!one.is_sent) return;
  one.times.sent = loop_.now() - one.begin;
  if (one.end.phase == HttpPhase::send) one.end.phase = HttpPhase::wait;
  if (!connection.has_answered || !one.is_idempotent) std::exchange(one.bytes, {});
}

void HttpRequests::read(Slot slot) {
  const Connection& connection = *connections_[slot];
  const net::Moved moved = connection.line.receive(std::span(buffer_.get(), kBuffer));
  if (moved.how == net::Moved::How::would_block) return;
  if (moved.how != net::Moved::How::bytes) return closed(slot, moved.how);
  if (!connection.is_awaited) return drop(slot);  // nobody has asked: whose would it be?
  const RequestId id = connection.request;
  Request& one = *requests_[id];
  if (!one.reader.has_begun()) one.times.first_byte = loop_.now() - one.begin;
  one.end.phase = HttpPhase::receive;
  const auto is_whole = one.reader.feed({buffer_.get(), moved.bytes});
  if (!is_whole)
    return fail(id, {is_whole.error().kind == Problem::Kind::refused ? FailureKind::too_big
                                                                     : FailureKind::malformed,
                     is_whole.error().what});
  if (*is_whole) finish(id);
}

void HttpRequests::closed(Slot slot, net::Moved::How how) {
  const Connection& connection = *connections_[slot];
  if (!connection.is_awaited) return drop(slot);
  const RequestId id = connection.request;
  Request& one = *requests_[id];
  const bool was_stale =
      connection.has_answered && !one.reader.has_begun() && (one.is_idempotent || one.sent == 0);
  drop(slot);
  one.has_connection = false;
  if (was_stale) return dial(id);
  if (how == net::Moved::How::failed)
    return fail(id, {FailureKind::reset, "the connection was reset"});
  if (const auto ended = one.reader.end(); !ended)
    return fail(id, {FailureKind::hung_up, ended.error().what});
  finish(id);
}

void HttpRequests::finish(RequestId id) {
  Request& one = *requests_[id];
  one.state = State::answered;
  loop_.cancel(one.deadline);
  one.times.whole = loop_.now() - one.begin;
  // Some answer before they have heard all.
  if (!one.is_sent || one.times.sent > one.times.first_byte) one.times.sent = one.times.first_byte;
  // 101 makes it another protocol's, which nobody here speaks.
  const bool may_follow = one.reader.keep_alive() && one.is_sent && one.reader.status() != 101;
  // Before the call, which may ask again.
  if (std::exchange(one.has_connection, false))
    may_follow ? keep(one.connection) : drop(one.connection);
  calls_.answered(id, {.status = one.reader.status(),
                       .status_text = status_text(one.reader.head()),
                       .head = one.reader.head(),
                       .body = one.reader.body(),
                       .times = one.times,
                       .bytes_sent = one.sent});
  free(id);
}

// Told at the end of the turn: who asks has the id by then.
void HttpRequests::fail(RequestId id, Failure failure) {
  Request& one = *requests_[id];
  one.state = State::failed;
  loop_.cancel(one.deadline);
  if (std::exchange(one.has_connection, false)) drop(one.connection);
  one.end.kind = failure.kind;
  one.end.what = std::move(failure.what);
  failed_.push_back(id);
}

HttpPhase HttpRequests::abort(RequestId id) {
  Request& one = *requests_[id];
  const HttpPhase phase = one.end.phase;
  one.is_aborted = true;
  if (one.state != State::under_way) return phase;
  loop_.cancel(one.deadline);
  if (std::exchange(one.has_connection, false)) drop(one.connection);
  free(id);
  return phase;
}

void HttpRequests::free(RequestId id) {
  Request& one = *requests_[id];
  one.state = State::free;
  if (one.bytes.capacity() > kSmall) std::exchange(one.bytes, {});
  if (one.reader.body().capacity() > kSmall) one.reader = {};
  free_requests_.push_back(id);
}

void HttpRequests::end_turn() {
  while (!failed_.empty())  // who is told may ask again
    for (const RequestId id : std::exchange(failed_, {})) {
      const Request& one = *requests_[id];
      if (!one.is_aborted) calls_.failed(id, one.end);
      free(id);
    }
}

std::optional<HttpRequests::Slot> HttpRequests::kept(const HttpAsk& ask, bool is_idempotent) {
  for (auto at = pools_.find(pool_key(ask.origin, ask.pool)); at != pools_.end();
       at = pools_.find(pool_key(ask.origin, ask.pool))) {
    const Slot slot = at->second;
    take(slot);
    // What can be sent but once does not go where the server has already hung up.
    const Line& line = connections_[slot]->line;
    if (is_idempotent ||
        line.receive(std::span(buffer_.get(), kBuffer)).how == net::Moved::How::would_block)
      return slot;
    drop(slot);
  }
  return std::nullopt;
}

void HttpRequests::keep(Slot slot) {
  Connection& connection = *connections_[slot];
  connection.has_answered = true;
  connection.is_awaited = false;
  connection.since = loop_.turn_time();
  connection.before = kNone;
  const auto [at, is_only] = pools_.try_emplace(pool_key(connection.origin, connection.pool), slot);
  connection.behind = is_only ? kNone : std::exchange(at->second, slot);
  if (!is_only) connections_[connection.behind]->before = slot;
}

void HttpRequests::take(Slot slot) {
  Connection& connection = *connections_[slot];
  connection.is_awaited = true;  // by its taker
  if (connection.behind != kNone) connections_[connection.behind]->before = connection.before;
  if (connection.before != kNone) {
    connections_[connection.before]->behind = connection.behind;
    return;
  }
  const auto at = pools_.find(pool_key(connection.origin, connection.pool));
  if (connection.behind != kNone)
    at->second = connection.behind;
  else
    pools_.erase(at);
}

void HttpRequests::drop(Slot slot) {
  Connection& connection = *connections_[slot];
  if (!connection.is_awaited) take(slot);
  loop_.unwatch(connection.line.socket.get());
  if (connection.line.tls) connection.line.tls->say_goodbye();
  connection.line.tls.reset();
  sources_.closed(connection.line);
  free_connections_.push_back(slot);
  --open_;
}

void HttpRequests::close_pool(std::uint32_t pool) {
  for (OriginId origin = 0; origin < origins_.size(); ++origin)
    for (auto at = pools_.find(pool_key(origin, pool)); at != pools_.end();
         at = pools_.find(pool_key(origin, pool)))
      drop(at->second);
}

void HttpRequests::sweep() {
  const Instant oldest = loop_.turn_time() - limits_.idle;
  for (Slot slot = 0; slot < connections_.size(); ++slot) {
    const Connection& connection = *connections_[slot];
    if (connection.line.socket && !connection.is_awaited && connection.since < oldest) drop(slot);
  }
}

}  // namespace utakata::load
