// Events of the timeline in the order of their times: a wheel of 8 ms buckets, so that millions
// cost what a few do. A bucket is sorted when its turn comes; who comes later to the present one is
// put in its place, which is rare.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/instant.h"

namespace utakata {

struct SimEvent {
  Instant at{};
  std::uint32_t kind = 0, who = 0;
};

class EventWheel {
 public:
  EventWheel() : ring_(kBuckets) {}

  void push(const SimEvent& event) {
    const std::int64_t tick = tick_of(event.at);
    if (tick <= tick_)
      present_.insert(std::ranges::upper_bound(present_.begin() + std::ptrdiff_t(done_),
                                               present_.end(), event.at, {}, &SimEvent::at),
                      event);
    else if (tick < tick_ + kBuckets)
      put(ring_[std::size_t(tick % kBuckets)], event);
    else
      far_.push_back(event);
  }

  // The next one, if it is due by `end`; none: nothing.
  const SimEvent* next(Instant end) {
    const std::int64_t last = tick_of(end);
    while (done_ == present_.size() && tick_ < last) turn();
    return done_ == present_.size() || present_[done_].at > end ? nullptr : &present_[done_];
  }
  void pop() { ++done_; }
  // Of those whose turn is near, the one so far behind the next; none: not known yet.
  const SimEvent* soon(std::size_t behind) const {
    return done_ + behind < present_.size() ? &present_[done_ + behind] : nullptr;
  }

 private:
  static constexpr std::int64_t kBuckets = 1 << 16;
  static std::int64_t tick_of(Instant at) { return at.time_since_epoch().count() >> 23; }

  // Only so many buckets have memory as have ever had events at once.
  void put(std::vector<SimEvent>& bucket, const SimEvent& event) {
    if (bucket.capacity() == 0 && !spare_.empty()) {
      bucket.swap(spare_.back());
      spare_.pop_back();
    }
    bucket.push_back(event);
  }

  void turn() {
    ++tick_;
    done_ = 0;
    present_.clear();
    if (present_.capacity() > 0) spare_.push_back(std::exchange(present_, {}));
    present_.swap(ring_[std::size_t(tick_ % kBuckets)]);
    std::ranges::sort(present_, {}, &SimEvent::at);
    if (tick_ % kBuckets != 0) return;
    std::vector<SimEvent> far;  // once a round, nine minutes
    far.swap(far_);
    for (const SimEvent& event : far) push(event);
  }

  std::vector<std::vector<SimEvent>> ring_;
  std::vector<std::vector<SimEvent>> spare_;  // empty, with memory
  std::vector<SimEvent> present_, far_;       // the former is sorted
  std::size_t done_ = 0;                      // of the present ones
  std::int64_t tick_ = 0;
};

}  // namespace utakata
