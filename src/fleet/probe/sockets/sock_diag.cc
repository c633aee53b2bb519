#include "fleet/probe/sockets/sock_diag.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace utakata {
namespace {

constexpr std::size_t buffer_bytes =
    256 * 1024;  // the kernel fills at most 32 KB at once; room for its growth

// Programs of inet_diag jump forward by bytes: `yes` to go on, `no` beyond the end (length + 4) to
// refuse. A port that is compared with stands in the `no` of an operation of its own.
struct PortRange {
  inet_diag_bc_op at_least, first, at_most, last;
};
constexpr std::uint8_t step = 2 * sizeof(inet_diag_bc_op);

PortRange port_range(std::uint16_t first, std::uint16_t last) {
  return {.at_least = {.code = INET_DIAG_BC_S_GE, .yes = step, .no = sizeof(PortRange) + 4},
          .first = {.code = INET_DIAG_BC_NOP, .yes = step, .no = first},
          .at_most = {.code = INET_DIAG_BC_S_LE, .yes = step, .no = sizeof(PortRange) - step + 4},
          .last = {.code = INET_DIAG_BC_NOP, .yes = step, .no = last}};
}

struct Request {
  nlmsghdr head;
  inet_diag_req_v2 wanted;
  rtattr filter_head;
  PortRange filter;
};

net::SocketEnd end_of(std::uint8_t family, const __be32* address, __be16 port) {
  net::SocketEnd end;
  end.port = ntohs(port);
  if (family == AF_INET6) {
    std::memcpy(end.address.data(), address, 16);
  } else {
    end.address[10] = end.address[11] = 0xff;
    std::memcpy(&end.address[12], address, 4);
  }
  return end;
}

std::unexpected<Problem> silent(int error) {
  return problem(Problem::Kind::unavailable,
                 fmt::format("the kernel does not list its TCP sockets ({}): load the module "
                             "tcp_diag, or count over HTTP",
                             std::strerror(error)),
                 true);
}

}  // namespace

Expected<void> SockDiag::dump(std::uint16_t port_first, std::uint16_t port_last,
                              const std::function<void(const KernelSocket&)>& each) {
  if (auto opened = open(); !opened) return opened;
  for (const std::uint8_t family : {AF_INET, AF_INET6}) {
    auto done = ask(family, port_first, port_last);
    if (done) done = hear(each);
    if (!done) {
      // The rest of an answer must not be taken for the next one.
      socket_.reset();
      buffer_.clear();
      return done;
    }
  }
  return {};
}

// Namespaces are a thread's, and this one's is not to change.
Expected<net::Descriptor> sock_diag_within(pid_t pid) {
  net::Descriptor socket;
  int error = 0;
  std::thread([&] {
    const net::Descriptor there{
        ::open(fmt::format("/proc/{}/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC)};
    if (there && ::setns(there.get(), CLONE_NEWNET) == 0)
      socket.reset(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    error = errno;
  }).join();
  if (socket) return socket;
  if (error == EPERM || error == EACCES)
    return problem(Problem::Kind::refused,
                   "the sockets of a container's own network are only shown to root: run the "
                   "controller as root, or set `count` to `http` or `prometheus`");
  return problem(
      Problem::Kind::not_found,
      fmt::format("the network of process {} cannot be entered: {}", pid, std::strerror(error)));
}

Expected<void> SockDiag::open() {
  if (!socket_)
    socket_ = net::Descriptor(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket_) return silent(errno);
  if (!buffer_.empty()) return {};
  const timeval patience{
      .tv_sec = 0, .tv_usec = 500'000};  // the kernel answers at once or something is very wrong
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  buffer_.resize(buffer_bytes);
  return {};
}

Expected<void> SockDiag::ask(std::uint8_t family, std::uint16_t port_first,
                             std::uint16_t port_last) {
  Request request{};
  request.head = {.nlmsg_len = sizeof request,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                  .nlmsg_seq = ++sequence_,
                  .nlmsg_pid = 0};
  request.wanted.sdiag_family = family;
  request.wanted.sdiag_protocol = IPPROTO_TCP;
  request.wanted.idiag_states = 1u << TCP_ESTABLISHED | 1u << TCP_LISTEN;
  request.filter_head = {.rta_len = sizeof(rtattr) + sizeof(PortRange),
                         .rta_type = INET_DIAG_REQ_BYTECODE};
  request.filter = port_range(port_first, port_last);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto sent = ::sendto(socket_.get(), &request, sizeof request, 0,
                             reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  return sent == ssize_t(sizeof request) ? Expected<void>{} : silent(errno);
}

Expected<void> SockDiag::hear(const std::function<void(const KernelSocket&)>& each) {
  for (;;) {
    const auto got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return silent(got == 0 ? EPIPE : errno);
    auto left = std::size_t(got);
    for (auto* head = reinterpret_cast<const nlmsghdr*>(buffer_.data()); NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_seq != sequence_) continue;
      if (head->nlmsg_type == NLMSG_DONE) return {};
      if (head->nlmsg_type == NLMSG_ERROR)
        return silent(-static_cast<const nlmsgerr*>(NLMSG_DATA(head))->error);
      if (head->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
      const auto& told = *static_cast<const inet_diag_msg*>(NLMSG_DATA(head));
      each({.local = end_of(told.idiag_family, told.id.idiag_src, told.id.idiag_sport),
            .remote = end_of(told.idiag_family, told.id.idiag_dst, told.id.idiag_dport),
            .is_listener = told.idiag_state == TCP_LISTEN,
            .inode = told.idiag_inode,
            .has_unread = told.idiag_state == TCP_ESTABLISHED && told.idiag_rqueue > 0});
    }
  }
}

}  // namespace utakata
