#include "sim/faults.h"

#include <algorithm>
#include <cmath>

namespace utakata {

const char* to_text(FaultKind kind) {
  switch (kind) {
    case FaultKind::kill:
      return "kill";
    case FaultKind::freeze:
      return "freeze";
    case FaultKind::lose_host:
      return "lose host";
    case FaultKind::bad_boots:
      return "bad boots";
    case FaultKind::refusals:
      return "refusals";
    case FaultKind::slow_boots:
      return "slow boots";
    case FaultKind::broken_probe:
      return "broken probe";
    case FaultKind::slow_probe:
      return "slow probe";
    case FaultKind::lying_probe:
      return "lying probe";
    case FaultKind::repeated_news:
      return "repeated news";
    case FaultKind::twin_launches:
      return "twin launches";
    case FaultKind::lose_zone:
      return "lose zone";
    case FaultKind::crash_controller:
      return "crash of the controller";
    case FaultKind::freeze_controller:
      return "freeze of the controller";
    case FaultKind::full_store:
      return "full store";
    case FaultKind::step_clock:
      return "wall clock stepped";
    case FaultKind::lose_lease:
      return "lost lease";
    case FaultKind::freeze_owner:
      return "freeze of an owner";
    case FaultKind::cut_etcd:
      return "controller cut off from etcd";
    case FaultKind::cut_controllers:
      return "controller cut off from others";
    case FaultKind::split_brain:
      return "split brain";
    case FaultKind::etcd_away:
      return "etcd away";
  }
  return "?";
}

std::vector<Fault> draw_faults(Random& random, double per_hour, Duration length, int kinds) {
  std::vector<Fault> faults;
  if (per_hour <= 0) return faults;
  const double hours = to_seconds(length) / 3600;
  double at = 0.05 * hours;
  for (;;) {
    at -= std::log(1 - random.unit()) / per_hour;
    if (at > 0.95 * hours) break;
    Fault fault{.at = from_seconds(at * 3600),
                .kind = FaultKind(random.below(std::uint64_t(kinds))),
                .lasts = from_seconds(1 + 89 * random.unit() * random.unit()),
                .draw = random.next()};
    faults.push_back(fault);
  }
  return faults;
}

}  // namespace utakata
