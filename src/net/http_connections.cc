#include "net/http_connections.h"

#include <algorithm>

#include "net/http_connection.h"
#include "wire/http1_answer.h"

namespace utakata::net {
namespace {

constexpr std::size_t joined_capacity =
    256 * 1024;  // one big answer must not keep its size for ever

}  // namespace

HttpConnections::HttpConnections(Loop& loop, HttpServer::Handler handler, HttpLimits limits)
    : loop_(loop),
      handler_(std::move(handler)),
      limits_(limits),
      receive_buffer_(std::make_unique_for_overwrite<char[]>(receive_buffer_size)),
      turn_end_(loop.on_turn_end([this] { end_turn(); })) {}

HttpConnections::~HttpConnections() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot].connection) slots_[slot].connection->close();
  loop_.cancel_turn_end(turn_end_);
}

// None: it is full.
std::shared_ptr<HttpConnection> HttpConnections::made(Descriptor socket, TcpPeer peer,
                                                      std::unique_ptr<TlsStream> tls) {
  if (open_ >= limits_.connections && !close_oldest_idle()) return {};
  std::size_t slot = slots_.size();
  if (free_slots_.empty()) {
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  auto connection = std::make_shared<HttpConnection>(*this, slot, std::move(socket),
                                                     std::move(peer), std::move(tls));
  slots_[slot] = {Instant::max(), false, connection};
  if (open_++ > 0) return connection;
  // A quarter of the shortest limit: late by no more than that.
  const auto shortest = std::min({limits_.header_time, limits_.body_time, limits_.idle_time});
  sweep_ = loop_.every(std::clamp<Duration>(shortest / 4, 5ms, 1s), [this] { sweep(); });
  return connection;
}

void HttpConnections::add(Descriptor socket, TcpPeer peer, std::unique_ptr<TlsStream> tls) {
  if (const auto connection = made(std::move(socket), std::move(peer), std::move(tls)))
    connection->start();
}

// Later, since the buffers of all may be in use by whoever adopts.
void HttpConnections::adopt(Descriptor socket, TcpPeer peer, std::string_view bytes) {
  auto connection = made(std::move(socket), std::move(peer), nullptr);
  if (!connection) return;
  loop_.post([connection = std::move(connection), read = std::string(bytes)] {
    connection->start_with(read);
  });
}

bool HttpConnections::close_oldest_idle() {
  const Slot* oldest = nullptr;
  for (const auto& slot : slots_)
    if (slot.connection && slot.is_idle && (!oldest || slot.deadline < oldest->deadline))
      oldest = &slot;
  if (oldest) oldest->connection->close();
  return oldest != nullptr;
}

std::string_view HttpConnections::date() {
  if (loop_.turn_time() >= date_until_) {
    const auto now = SystemClock().wall();
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    date_ = wire::http_date(second.time_since_epoch().count());
    date_until_ = loop_.turn_time() + (second + 1s - now);
  }
  return date_;
}

void HttpConnections::set_deadline(std::size_t slot, Instant deadline, bool is_idle) {
  slots_[slot].deadline = deadline;
  slots_[slot].is_idle = is_idle;
}

void HttpConnections::flush_at_turn_end(std::shared_ptr<HttpConnection> connection) {
  to_flush_.push_back(std::move(connection));
}

void HttpConnections::remove(std::size_t slot) {
  removed_.push_back(std::move(slots_[slot].connection));
  slots_[slot] = {};
  free_slots_.push_back(slot);
  if (--open_ == 0) loop_.cancel(std::exchange(sweep_, 0));
}

void HttpConnections::end_turn() {
  if (before_ && !to_flush_.empty() && !before_())
    for (const auto& connection : std::exchange(to_flush_, {})) connection->close();
  for (std::size_t i = 0; i < to_flush_.size(); ++i) {  // a flush may ask for another
    const auto connection = to_flush_[i];
    connection->flush();
  }
  to_flush_.clear();
  removed_.clear();
  if (joined_.capacity() > joined_capacity) std::string().swap(joined_);
}

void HttpConnections::sweep() {
  const auto now = loop_.turn_time();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot].connection && slots_[slot].deadline <= now)
      slots_[slot].connection->on_deadline();
}

}  // namespace utakata::net
