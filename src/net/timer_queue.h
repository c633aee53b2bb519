// Timers in the order of their due times. Pure: the present is an argument. Cost: O(log n) to set
// and to cancel.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/instant.h"

namespace utakata::net {

class TimerQueue {
 public:
  using Id = std::uint64_t;

  // A period of zero fires once. A periodic timer that is late by whole periods fires once for all
  // of them.
  Id add(Instant due, Duration period, std::function<void()> work);
  void cancel(Id id);  // unknown, or fired already: nothing happens
  std::optional<Instant> next() const;

  // Runs what is due. `work` may add and cancel; what it adds is not run before the next call.
  void run_due(Instant now);

 private:
  struct Timer {
    Duration period;
    std::function<void()> work;
  };
  std::map<std::pair<Instant, Id>, Timer> timers_;
  std::unordered_map<Id, Instant> due_;
  Id last_ = 0;
  std::optional<Instant> running_;
};

}  // namespace utakata::net
