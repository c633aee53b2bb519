#include "net/epoll_set.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>

#include "base/check.h"

namespace utakata::net {

EpollSet::EpollSet() : set_(epoll_create1(EPOLL_CLOEXEC)) {
  check(set_ >= 0, "a loop needs one descriptor for its epoll set");
}

EpollSet::~EpollSet() { close(set_); }

void EpollSet::control(int operation, int descriptor, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{slots_[std::size_t(descriptor)].generation} << 32 |
                   static_cast<std::uint32_t>(descriptor);
  check(epoll_ctl(set_, operation, descriptor, &event) == 0,
        "only open sockets and pipes are watched, each once, and unwatched before they are closed");
}

void EpollSet::watch(int descriptor, std::uint32_t events, Ready ready) {
  check(descriptor >= 0, "a descriptor is not negative");
  const auto index = std::size_t(descriptor);
  if (index >= slots_.size()) slots_.resize(index + 1);
  auto& slot = slots_[index];
  check(!slot.ready, "a descriptor is watched once; use rewatch() to change its events");
  slot.ready = std::make_unique<Ready>(std::move(ready));
  ++slot.generation;
  control(EPOLL_CTL_ADD, descriptor, events);
}

void EpollSet::rewatch(int descriptor, std::uint32_t events) {
  control(EPOLL_CTL_MOD, descriptor, events);
}

void EpollSet::unwatch(int descriptor) {
  const auto index = std::size_t(descriptor);
  if (index >= slots_.size() || !slots_[index].ready) return;
  control(EPOLL_CTL_DEL, descriptor, 0);
  if (is_serving_)
    unwatched_.push_back(std::move(slots_[index].ready));
  else
    slots_[index].ready.reset();
}

void EpollSet::serve() {
  std::array<epoll_event, 512> events;
  const int count = epoll_wait(set_, events.data(), int(events.size()), 0);
  is_serving_ = true;
  for (int i = 0; i < count; ++i) {
    const auto data = events[std::size_t(i)].data.u64;
    auto& slot = slots_[data & 0xffffffff];
    if (!slot.ready || slot.generation != data >> 32) continue;
    (*slot.ready)(events[std::size_t(i)].events);
  }
  is_serving_ = false;
  unwatched_.clear();
}

}  // namespace utakata::net
