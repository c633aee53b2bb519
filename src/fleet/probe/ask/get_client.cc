#include "fleet/probe/ask/get_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "fleet/probe/ask/asking.h"
#include "net/descriptor.h"
#include "net/tcp.h"
#include "wire/http1_response.h"

namespace utakata {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t header_bytes_max = 16 * 1024;
constexpr std::uint64_t unused_sweeps_max = 30;

}  // namespace

struct GetClient::Line {
  enum class State { idle, connecting, asking };
  Address address;
  State state = State::idle;
  net::Descriptor socket;
  bool was_kept = false;  // it answered an earlier question: that it is closed may only mean that
                          // it was idle for too long
  std::string request;
  std::size_t sent = 0;
  wire::Http1Limits limits{};
  wire::Http1ResponseReader reader;
  Heard heard;
  net::OwnConnection ends;
  std::uint64_t call = 0;
  std::uint64_t last_sweep = 0;
};

GetClient::GetClient(net::Loop& loop) : loop_(loop), buffer_(read_bytes) {}

GetClient::~GetClient() {
  *alive_ = false;
  for (auto& [address, lines] : lines_)
    for (auto& line : lines) hang_up(*line);
}

bool GetClient::reaches(const std::string& host) {
  return net::numeric_address(host, 0).has_value();
}

GetClient::Line* GetClient::get(const Address& address, const std::string& path,
                                const std::string& headers, std::size_t answer_bytes_max,
                                Heard heard) {
  Line& line = idle_line(address);
  line.heard = std::move(heard);
  line.call = ++last_call_;
  line.last_sweep = sweeps_;
  line.limits = {.header_bytes = header_bytes_max, .body_bytes = answer_bytes_max};
  line.request.clear();
  fmt::format_to(std::back_inserter(line.request), "GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", path,
                 host_and_port(address), headers);
  ask(line);
  return &line;
}

GetClient::Line& GetClient::idle_line(const Address& address) {
  Lines& lines = lines_[address];
  for (auto& line : lines)
    if (line->state == Line::State::idle) return *line;
  lines.push_back(std::make_unique<Line>());
  lines.back()->address = address;
  return *lines.back();
}

void GetClient::ask(Line& line) {
  line.sent = 0;
  line.reader.begin(line.limits);
  line.was_kept = bool(line.socket);
  if (!line.socket) return dial(line);
  line.state = Line::State::asking;
  send(line);
}

void GetClient::dial(Line& line) {
  const auto to = net::numeric_address(line.address.host, line.address.port);
  check(to.has_value(), "who asks has asked reaches() before");
  line.state = Line::State::connecting;
  line.ends = {.ours = {}, .theirs = net::socket_end(to->get()).value_or(net::SocketEnd{})};
  line.socket.reset(::socket(to->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!line.socket ||
      (::connect(line.socket.get(), to->get(), to->size) != 0 && errno != EINPROGRESS))
    return fail(line, fmt::format("cannot be connected to: {}", std::strerror(errno)));
  loop_.watch(line.socket.get(), EPOLLOUT,
              [this, &line](std::uint32_t events) { on_ready(line, events); });
}

void GetClient::send(Line& line) {
  const auto moved =
      net::tcp_send(line.socket.get(), std::string_view(line.request).substr(line.sent));
  if (moved.how == net::Moved::How::bytes) line.sent += moved.bytes;
  // What is closed is read as such: the answer may have come before.
  const bool is_rest = line.sent < line.request.size() && moved.how != net::Moved::How::failed;
  if (is_rest) loop_.rewatch(line.socket.get(), EPOLLIN | EPOLLOUT);
}

void GetClient::on_ready(Line& line, std::uint32_t events) {
  if (line.state == Line::State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(line.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
      return fail(line, fmt::format("cannot be connected to: {}", std::strerror(error)));
    line.ends.ours = net::local_end(line.socket.get()).value_or(net::SocketEnd{});
    line.state = Line::State::asking;
    loop_.rewatch(line.socket.get(), EPOLLIN);
    return send(line);
  }
  if (events & EPOLLOUT) {
    loop_.rewatch(line.socket.get(), EPOLLIN);
    send(line);
  }
  if ((events & ~std::uint32_t(EPOLLOUT)) == 0) return;
  const auto moved = net::tcp_receive(line.socket.get(), buffer_);
  switch (moved.how) {
    case net::Moved::How::would_block:
      return;
    case net::Moved::How::bytes:
      return on_bytes(line, {buffer_.data(), moved.bytes});
    case net::Moved::How::ended:
    case net::Moved::How::failed:
      return on_closed(line);
  }
}

void GetClient::on_bytes(Line& line, std::string_view bytes) {
  if (line.state == Line::State::idle) return drop(line);  // nobody asked
  const auto whole = line.reader.feed(bytes);
  if (!whole) return fail(line, whole.error().what);
  if (*whole) finish(line);
}

void GetClient::on_closed(Line& line) {
  if (line.state == Line::State::idle) return drop(line);
  const bool was_stale = line.was_kept && !line.reader.has_begun();
  hang_up(line);
  if (was_stale) return ask(line);  // once: it is not kept any more
  const auto ended = line.reader.end();
  if (!ended) return fail(line, ended.error().what);
  finish(line);
}

void GetClient::finish(Line& line) {
  const Heard heard = std::exchange(line.heard, nullptr);
  net::HttpResult result{
      .status = line.reader.status(), .body = std::move(line.reader.body()), .headers = {}};
  line.state = Line::State::idle;
  if (!line.reader.keep_alive()) drop(line);
  heard(std::move(result));  // may destroy this
}

void GetClient::fail(Line& line, std::string what) {
  Heard heard = std::exchange(line.heard, nullptr);
  auto failed = problem(Problem::Kind::unavailable,
                        fmt::format("{} {}", host_and_port(line.address), what), true);
  hang_up(line);
  line.state = Line::State::asking;  // taken, until it is heard
  line.heard = std::move(heard);
  // Later and not now: we may still be inside get().
  loop_.post([this, alive = alive_, call = line.call, address = line.address,
              failed = std::move(failed)]() mutable {
    if (!*alive) return;
    const auto found = lines_.find(address);
    if (found == lines_.end()) return;
    const auto at =
        std::ranges::find_if(found->second, [&](const auto& one) { return one->call == call; });
    if (at == found->second.end() || !(*at)->heard) return;  // cancelled meanwhile
    const Heard told = std::exchange((*at)->heard, nullptr);
    drop(**at);
    told(std::move(failed));  // may destroy this
  });
}

void GetClient::hang_up(Line& line) {
  if (!line.socket) return;
  loop_.unwatch(line.socket.get());
  line.socket.reset();
}

void GetClient::drop(Line& line) {
  hang_up(line);
  const auto found = lines_.find(Address(line.address));
  if (found == lines_.end()) return;
  std::erase_if(found->second, [&](const auto& one) { return one.get() == &line; });
  if (found->second.empty()) lines_.erase(found);
}

void GetClient::cancel(Line* line) { drop(*line); }

void GetClient::sweep() {
  ++sweeps_;
  for (auto it = lines_.begin(); it != lines_.end();) {
    std::erase_if(it->second, [&](const auto& line) {
      const bool is_old =
          line->state == Line::State::idle && line->last_sweep + unused_sweeps_max < sweeps_;
      if (is_old) hang_up(*line);
      return is_old;
    });
    it = it->second.empty() ? lines_.erase(it) : std::next(it);
  }
}

std::vector<net::OwnConnection> GetClient::own_connections() const {
  std::vector<net::OwnConnection> all;
  for (const auto& [address, lines] : lines_)
    for (const auto& line : lines)
      if (line->socket && line->ends.ours.port != 0) all.push_back(line->ends);
  return all;
}

}  // namespace utakata
