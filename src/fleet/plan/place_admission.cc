#include "fleet/plan/place_admission.h"

#include <algorithm>
#include <cmath>

namespace utakata {

AdmissionRate AdmissionRate::of(double accept_per_second) {
  if (!(accept_per_second > 0)) return {};
  if (accept_per_second >= 1) return {.in_window = int(std::min(accept_per_second, 1e9))};
  // 0.2 a second is one in five seconds; slower than one an hour is one an hour.
  return {.in_window = 1,
          .window = from_seconds(std::min(3600.0, std::ceil(10 / accept_per_second) / 10))};
}

}  // namespace utakata
