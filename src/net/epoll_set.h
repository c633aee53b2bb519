// A set of descriptors and what to call when one is ready: epoll(7) without a loop of its own. One
// thread.
//
// A callback may unwatch, close and watch anything, its own descriptor included: what the kernel
// had already reported for a descriptor that was unwatched since is dropped, even where its number
// belongs to a new socket by then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace utakata::net {

class EpollSet {
 public:
  using Ready = std::function<void(std::uint32_t events)>;

  EpollSet();
  ~EpollSet();
  EpollSet(const EpollSet&) = delete;
  EpollSet& operator=(const EpollSet&) = delete;

  int descriptor() const { return set_; }  // readable as soon as one of the set is ready

  void watch(int descriptor, std::uint32_t events, Ready ready);
  void rewatch(int descriptor, std::uint32_t events);
  void unwatch(int descriptor);  // what is not watched is not a failure

  void serve();  // calls for what is ready now, at most 512 descriptors, without waiting

 private:
  struct Slot {
    std::unique_ptr<Ready> ready;
    std::uint32_t generation = 0;
  };
  void control(int operation, int descriptor, std::uint32_t events);

  int set_;
  std::vector<Slot> slots_;  // by descriptor
  std::vector<std::unique_ptr<Ready>>
      unwatched_;  // one of them may be running: freed after the batch
  bool is_serving_ = false;
};

}  // namespace utakata::net
