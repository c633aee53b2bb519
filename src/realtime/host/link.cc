#include "realtime/host/link.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string_view>
#include <vector>

namespace utakata::realtime {
namespace {

constexpr int send_buffer = 512 * 1024;  // a few datagrams of the largest kind; the kernel may cut
constexpr int datagrams_a_turn = 64;     // then others are served
constexpr std::size_t descriptors_max = 8;  // of a datagram; ours carry one

// As much room as so many descriptors take along with a datagram.
template <std::size_t count>
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * count)> bytes{};
};

// The first; whatever else came is closed.
net::Descriptor descriptor_of(msghdr& head) {
  net::Descriptor first;
  for (cmsghdr* at = CMSG_FIRSTHDR(&head); at; at = CMSG_NXTHDR(&head, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(at) + i * sizeof number, sizeof number);
      net::Descriptor one{number};
      if (!first) first = std::move(one);
    }
  }
  return first;
}

}  // namespace

Expected<std::pair<net::Descriptor, net::Descriptor>> make_link_ends() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return problem(Problem::Kind::unavailable,
                   std::string("workers: no socketpair: ") + std::strerror(errno) + ".", true);
  return std::pair{net::Descriptor{ends[0]}, net::Descriptor{ends[1]}};
}

class Link::State : public std::enable_shared_from_this<Link::State> {
 public:
  State(net::Loop& loop, net::Descriptor socket, Calls calls, LinkLimits limits)
      : loop_(loop), socket_(std::move(socket)), calls_(std::move(calls)), limits_(limits) {}
  void begin();
  void close();
  bool send(Parcel parcel);
  std::size_t waiting() const { return waiting_; }
  std::uint64_t dropped() const { return reader_.dropped() + dropped_; }

 private:
  struct Waiting {
    Parcel parcel;
    std::size_t done = 0;  // bytes, whole frames
  };
  struct Datagram {
    std::array<iovec, 64> parts;
    std::size_t count = 0, bytes = 0;
    int descriptor = -1;
  };
  enum class Received : std::uint8_t { more, nothing, end };
  void ready(std::uint32_t events);
  Received receive(bool is_hung_up);
  void tell(std::string_view datagram, net::Descriptor descriptor);
  void end();
  void flush();
  Datagram gather() const;
  int send_one(const Datagram& datagram) const;  // 0, or the error
  void sent(std::size_t bytes);
  void await_room(bool waits);
  std::size_t weight_of(const Parcel& parcel) const;

  net::Loop& loop_;
  net::Descriptor socket_;  // empty: closed
  const Calls calls_;
  const LinkLimits limits_;
  net::Loop::TurnEndId turn_end_ = 0;
  std::deque<Waiting> queue_;
  std::size_t waiting_ = 0;
  bool is_broken_ = false;  // nobody will read
  bool awaits_room_ = false;
  std::vector<char> buffer_ = std::vector<char>(datagram_bytes_max);
  EnvelopeReader reader_;
  std::uint64_t dropped_ = 0;
};

void Link::State::begin() {
  fcntl(socket_.get(), F_SETFD, FD_CLOEXEC);
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) { ready(events); });
  turn_end_ = loop_.on_turn_end([this] {
    if (!awaits_room_) flush();
  });
}

void Link::State::close() {
  if (!socket_) return;
  loop_.cancel_turn_end(turn_end_);
  loop_.unwatch(socket_.get());
  socket_.reset();
  queue_.clear();
  waiting_ = 0;
  is_broken_ = true;
}

std::size_t Link::State::weight_of(const Parcel& parcel) const {
  if (!parcel.is_counted) return 0;
  return parcel.frames->size() + (parcel.descriptor ? limits_.descriptor_bytes : 0);
}

bool Link::State::send(Parcel parcel) {
  if (is_broken_) return true;
  const std::size_t weight = weight_of(parcel);
  if (weight > 0 && waiting_ + weight > limits_.waiting_bytes) return false;
  waiting_ += weight;
  queue_.push_back({std::move(parcel)});
  return true;
}

void Link::State::ready(std::uint32_t events) {
  const auto alive = shared_from_this();
  if (events & EPOLLOUT) flush();
  for (int i = 0; i < datagrams_a_turn && socket_; ++i) {
    const auto how = receive(events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR));
    if (how == Received::more) continue;
    if (how == Received::end) end();
    return;
  }
}

Link::State::Received Link::State::receive(bool is_hung_up) {
  Control<descriptors_max> control;
  iovec part{buffer_.data(), buffer_.size()};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control.bytes.data();
  head.msg_controllen = control.bytes.size();
  const auto count = recvmsg(socket_.get(), &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) {
    // ECONNRESET is said once, when the other side went without reading all: what it sent is there.
    if (errno == EINTR || errno == ECONNRESET) return Received::more;
    return errno == EAGAIN ? Received::nothing : Received::end;
  }
  net::Descriptor descriptor = descriptor_of(head);
  // The end looks like an empty datagram, which is none of ours; only the end hangs up.
  if (count == 0) return is_hung_up ? Received::end : Received::nothing;
  if (head.msg_flags & MSG_TRUNC)
    ++dropped_;
  else
    tell({buffer_.data(), std::size_t(count)}, std::move(descriptor));
  return Received::more;
}

void Link::State::tell(std::string_view datagram, net::Descriptor descriptor) {
  reader_.feed(datagram);
  while (const auto envelope = reader_.next()) {
    calls_.received(*envelope, std::move(descriptor));
    if (!socket_) return;
    descriptor.reset();
  }
}

void Link::State::end() {
  close();
  calls_.ended();
}

void Link::State::flush() {
  while (!queue_.empty() && !is_broken_) {
    Datagram datagram = gather();
    const int error = send_one(datagram);
    switch (error) {
      case 0:
        sent(datagram.bytes);
        break;
      case EINTR:
        break;
      case EAGAIN:
      case ENOBUFS:
      case ENOMEM:
        return await_room(true);
      case ETOOMANYREFS:  // descriptors: too many of them are on their way to who does not read
      case EBADF:
        if (datagram.descriptor >= 0) {
          queue_.front().parcel.descriptor.reset();
          waiting_ -= queue_.front().parcel.is_counted ? limits_.descriptor_bytes : 0;
          break;
        }
        [[fallthrough]];
      default:  // the end is told when all is read that the other side said
        is_broken_ = true;
        ::shutdown(socket_.get(), SHUT_RDWR);
    }
  }
  if (is_broken_) {
    queue_.clear();
    waiting_ = 0;
  }
  await_room(false);
}

// Whole frames from the front of the queue. One that carries a descriptor goes alone: with which
// message it belongs must be clear.
Link::State::Datagram Link::State::gather() const {
  Datagram datagram;
  for (const Waiting& one : queue_) {
    const std::string& bytes = *one.parcel.frames;
    for (std::size_t at = one.done; at < bytes.size();) {
      const std::size_t frame = frame_bytes(bytes, at);
      const bool carries = one.parcel.descriptor && at + frame == bytes.size();
      if (datagram.count == datagram.parts.size() || datagram.bytes + frame > datagram_bytes_max ||
          (carries && datagram.count > 0))
        return datagram;
      datagram.parts[datagram.count++] = {const_cast<char*>(bytes.data()) + at, frame};
      datagram.bytes += frame;
      at += frame;
      if (!carries) continue;
      datagram.descriptor = one.parcel.descriptor.get();
      return datagram;
    }
  }
  return datagram;
}

int Link::State::send_one(const Datagram& datagram) const {
  Control<1> control;
  msghdr head{};
  head.msg_iov = const_cast<iovec*>(datagram.parts.data());
  head.msg_iovlen = datagram.count;
  if (datagram.descriptor >= 0) {
    head.msg_control = control.bytes.data();
    head.msg_controllen = control.bytes.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &datagram.descriptor, sizeof(int));
  }
  return sendmsg(socket_.get(), &head, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

void Link::State::sent(std::size_t bytes) {
  while (bytes > 0) {
    Waiting& front = queue_.front();
    const std::size_t part = std::min(bytes, front.parcel.frames->size() - front.done);
    bytes -= part;
    front.done += part;
    if (front.done < front.parcel.frames->size()) return;
    waiting_ -= weight_of(front.parcel);
    queue_.pop_front();
  }
}

void Link::State::await_room(bool waits) {
  if (std::exchange(awaits_room_, waits) == waits) return;
  loop_.rewatch(socket_.get(), waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

Link::Link(net::Loop& loop, net::Descriptor socket, Calls calls, LinkLimits limits)
    : state_(std::make_shared<State>(loop, std::move(socket), std::move(calls), limits)) {
  state_->begin();
}
Link::~Link() { state_->close(); }

bool Link::send(Parcel parcel) { return state_->send(std::move(parcel)); }
std::size_t Link::waiting() const { return state_->waiting(); }
std::uint64_t Link::dropped() const { return state_->dropped(); }

}  // namespace utakata::realtime
