#include "fleet/publish/haproxy/haproxy_call.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/tcp.h"

namespace utakata {
namespace {

// 100,000 servers of one backend; what is longer is not HAProxy.
constexpr std::size_t answer_most = std::size_t{16} << 20;

}  // namespace

HaproxyCall::HaproxyCall(net::Loop& loop, const HaproxySpec& to, std::string line, Duration within,
                         Done done)
    : loop_(loop),
      to_(to),
      line_(std::move(line)),
      within_(within),
      done_(std::move(done)),
      lookup_(loop),
      asked_at_(loop.now()) {
  begin_ = loop.after(0ns, [this] { dial(); });
  deadline_ = loop.after(within, [this] { overdue(); });
}

HaproxyCall::~HaproxyCall() {
  loop_.cancel(begin_);
  loop_.cancel(deadline_);
  if (socket_) loop_.unwatch(socket_.get());
}

void HaproxyCall::dial() {
  begin_ = 0;
  if (!to_.socket.empty()) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    to_.socket.copy(at.sun_path, sizeof at.sun_path - 1);
    return connect(reinterpret_cast<const sockaddr*>(&at), sizeof at);
  }
  const auto& [host, port] = to_.address;
  if (const auto number = net::numeric_address(host, port))
    return connect(number->get(), number->size);
  (void)lookup_.ask(host, std::to_string(port), [this](const Expected<net::TcpAddresses>& found) {
    if (!found) return end(std::unexpected(found.error()));
    const auto family = [](const net::TcpAddress& one) { return one.get()->sa_family; };
    const auto v4 = std::ranges::find(*found, AF_INET, family);
    const auto& at = v4 == found->end() ? found->front() : *v4;
    connect(at.get(), at.size);
  });
}

void HaproxyCall::connect(const sockaddr* at, socklen_t size) {
  net::Descriptor socket(::socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || (::connect(socket.get(), at, size) != 0 && errno != EINPROGRESS))
    return failed(errno);
  socket_ = std::move(socket);
  loop_.watch(socket_.get(), EPOLLOUT, [this](std::uint32_t) { ready(); });
}

void HaproxyCall::ready() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return failed(error);
  if (sent_ == line_.size() || send()) receive();
}

bool HaproxyCall::send() {
  const auto moved = net::tcp_send(socket_.get(), std::string_view(line_).substr(sent_));
  if (moved.how == net::Moved::How::failed) {
    failed(errno);
    return false;
  }
  if (moved.how == net::Moved::How::bytes) sent_ += moved.bytes;
  if (sent_ == line_.size()) loop_.rewatch(socket_.get(), EPOLLIN);
  return true;
}

// One piece a turn: a long answer must not hold the loop.
void HaproxyCall::receive() {
  std::array<char, 65536> piece;
  const auto moved = net::tcp_receive(socket_.get(), piece);
  switch (moved.how) {
    case net::Moved::How::would_block:
      return;
    case net::Moved::How::failed:
      return failed(errno);
    case net::Moved::How::ended:
      return end(std::move(answer_));
    case net::Moved::How::bytes:
      answer_.append(piece.data(), moved.bytes);
  }
  if (answer_.size() > answer_most)
    end(problem(Problem::Kind::invalid, "its answer does not end: that is no HAProxy"));
}

// Who was stopped itself has not looked whether there is an answer.
void HaproxyCall::overdue() {
  deadline_ = 0;
  const bool slept = loop_.now() - asked_at_ > within_ + 500ms;
  if (!slept) return end(problem(Problem::Kind::timed_out, "it does not answer", true));
  asked_at_ = loop_.now();
  deadline_ = loop_.after(within_, [this] { overdue(); });
}

void HaproxyCall::failed(int error) {
  const bool is_path = !to_.socket.empty();
  std::string what = std::strerror(error);
  if (error == ENOENT || (error == ECONNREFUSED && is_path))
    what +=
        fmt::format(": it must run, with `stats socket {} level admin` in `global`", to_.socket);
  else if (error == ECONNREFUSED)
    what += fmt::format(": it must run, with `stats socket ipv4@{}:{} level admin` in `global`",
                        to_.address.host, to_.address.port);
  else if (error == EACCES || error == EPERM)
    what += ": its `stats socket` line needs a `group` of this user's and `mode 660`";
  end(problem(Problem::Kind::unavailable, std::move(what), true));
}

void HaproxyCall::end(Expected<std::string> what) {
  if (socket_) loop_.unwatch(socket_.get());
  socket_.reset();
  loop_.cancel(std::exchange(deadline_, 0));
  const auto done = std::exchange(done_, nullptr);
  done(std::move(what));  // may be the end of this
}

}  // namespace utakata
