// Time as the project knows it: two clocks that cannot be mixed up.
//
// Instant is monotonic and has no meaning outside this boot of the host: durations (cooldowns,
// deadlines, holds) run on it, and are stored as time remaining. WallTime is for people: records
// and `at:` read it, nothing else.
#pragma once

#include <chrono>
#include <cstdint>

namespace utakata {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {  // a tag; the present is asked of a Clock (clock.h)
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

using namespace std::chrono_literals;

constexpr std::int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
constexpr std::int64_t to_ms(WallTime t) { return t.time_since_epoch().count(); }
constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace utakata
