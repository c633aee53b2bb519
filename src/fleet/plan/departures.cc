#include "fleet/plan/departures.h"

#include <algorithm>
#include <cmath>

namespace utakata {

void Departures::note(Instant now, const Flow& flow) {
  const double fades = is_begun_ ? std::exp2(-to_seconds(now - last_) / 1800) : 1;
  departed_ = departed_ * fades + flow.departed;
  connection_seconds_ = connection_seconds_ * fades + flow.connection_seconds;
  last_ = now;
  is_begun_ = true;
}

std::optional<Duration> Departures::empty_within(int clients, double pace) const {
  if (clients <= 0) return Duration{0};
  std::optional<Duration> time;
  if (departed_ >= 20 && connection_seconds_ > 0) {
    const double hazard = departed_ / connection_seconds_;
    const double seconds = -std::log(-std::expm1(std::log(0.9) / clients)) / hazard;
    time = from_seconds(std::min(seconds, 1e8));
  }
  if (pace > 0) {
    const Duration closing = from_seconds(clients / pace);
    time = time ? std::min(*time, closing) : closing;
  }
  return time;
}

}  // namespace utakata
