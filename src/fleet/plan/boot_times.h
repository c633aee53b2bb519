// How long instances took from launch to ready, as measured; what headroom.h and show.h look ahead
// by. Pure values. Kept over restarts as text: who looks ahead needs last week's boots.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace utakata {

class BootTimes {
 public:
  // One became ready, `at_once` were booting then, itself included: many at once are slower.
  void ready(Duration took, int at_once);

  // The p95 (nearest rank) of those measured while at least half of `at_once` were booting; of all,
  // when it never were so many. None: nothing is measured yet. O(n), n <= 256.
  std::optional<Duration> p95(int at_once) const;

  // "42100/12 ...": milliseconds and how many at once, oldest first. Unreadable parts are passed
  // over: a measurement lost costs a wait, no more.
  std::string text() const;
  static BootTimes from_text(std::string_view text);
  bool operator==(const BootTimes&) const = default;

 private:
  struct Boot {
    Duration took{};
    int at_once = 1;
    bool operator==(const Boot&) const = default;
  };
  std::deque<Boot> boots_;  // the last 256
};

// How long before they are needed so many launches must begin: at most `starting_max` boot at once,
// so the rest waits for its turn. `unmeasured`: taken for a boot as long as none is known.
Duration lead_time(const BootTimes& boots, int launches, int starting_max, Duration unmeasured);

}  // namespace utakata
