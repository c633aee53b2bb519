// One end of the socketpair between a worker and the parent, AF_UNIX and SOCK_SEQPACKET: messages,
// and descriptors with them. What is sent waits here until the other side reads. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/problem.h"
#include "net/descriptor.h"
#include "net/loop.h"
#include "realtime/host/envelope.h"

namespace utakata::realtime {

// Ours and theirs, both closed on exec. Problem: no descriptors are left.
Expected<std::pair<net::Descriptor, net::Descriptor>> make_link_ends();

struct LinkLimits {
  std::size_t waiting_bytes = 64 * 1024 * 1024;
  // What a descriptor counts for: 1024 of them are as bad as 64 MiB.
  std::size_t descriptor_bytes = 64 * 1024;
};

class Link {
 public:
  // Each may destroy the link, none is called within send().
  struct Calls {
    // Views are valid in the call. The descriptor: empty, unless one came along.
    std::function<void(const Envelope&, net::Descriptor)> received;
    // Once, after all that was sent before: the other end is closed.
    std::function<void()> ended;
  };
  struct Parcel {
    Encoded frames;
    net::Descriptor descriptor{};
    bool is_counted = true;  // false: among what waits it is not; it is kept elsewhere anyway
  };

  Link(net::Loop& loop, net::Descriptor socket, Calls calls, LinkLimits limits = {});
  ~Link();  // what waits is lost
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // At the end of the turn, many in one datagram. False: too much waits, and this was not taken.
  // To an end that is closed, all is taken and lost.
  bool send(Parcel parcel);
  std::size_t waiting() const;    // bytes that count
  std::uint64_t dropped() const;  // pieces of what was received that made no sense, ever

 private:
  class State;
  std::shared_ptr<State> state_;  // a call may destroy the link: it lives until the call is over
};

}  // namespace utakata::realtime
