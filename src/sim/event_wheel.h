// Events of the timeline in the order of their times: a wheel of 8 ms buckets, so that millions
// cost what a few do. Amortised O(1) but for the heap of the present bucket.
#pragma once

#include <algorithm>
#include <cstdint>
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
    if (tick <= tick_) {
      present_.push_back(event);
      std::ranges::push_heap(present_, Later{});
    } else if (tick < tick_ + kBuckets) {
      ring_[std::size_t(tick % kBuckets)].push_back(event);
    } else {
      far_.push_back(event);
    }
  }

  // The next one, if it is due by `end`; none: nothing.
  const SimEvent* next(Instant end) {
    const std::int64_t last = tick_of(end);
    while (present_.empty() && tick_ < last) turn();
    return present_.empty() || present_.front().at > end ? nullptr : &present_.front();
  }
  void pop() {
    std::ranges::pop_heap(present_, Later{});
    present_.pop_back();
  }

 private:
  struct Later {
    bool operator()(const SimEvent& a, const SimEvent& b) const { return a.at > b.at; }
  };
  static constexpr std::int64_t kBuckets = 1 << 16;
  static std::int64_t tick_of(Instant at) { return at.time_since_epoch().count() >> 23; }

  void turn() {
    ++tick_;
    present_.swap(ring_[std::size_t(tick_ % kBuckets)]);
    std::ranges::make_heap(present_, Later{});
    if (tick_ % kBuckets != 0) return;
    std::vector<SimEvent> far;  // once a round, nine minutes
    far.swap(far_);
    for (const SimEvent& event : far) push(event);
  }

  std::vector<std::vector<SimEvent>> ring_;
  std::vector<SimEvent> present_, far_;  // the former is a heap
  std::int64_t tick_ = 0;
};

}  // namespace utakata
