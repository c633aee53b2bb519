#include "fleet/plan/closing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/plan/drain.h"
#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

bool takes_clients(const Instance& i, const ClusterSpec& spec, Instant now) {
  return i.lifecycle == Lifecycle::serving && !i.suspect && i.misses == 0 &&
         has_fresh_count(i, spec, now);
}

bool should_close(const Instance& i) {
  return i.lifecycle == Lifecycle::draining && !i.closes_begun && i.out_of_placement &&
         i.seats_held == 0 && i.count && i.count->connections > 0;
}

void empty_draining(const Fleet& fleet, const ClosingLimits& limits, Instant now,
                    ClosingResult& result) {
  std::int64_t room = 0;
  for (const Instance& i : fleet.instances)
    if (takes_clients(i, fleet.spec, now))
      room += std::max(0, fleet.spec.capacity - i.count->connections - i.seats_held);
  for (const Instance& i : fleet.instances) {
    if (!should_close(i)) continue;
    if (!limits.over_budget.empty()) {
      result.held_back = limits.over_budget;
      return;
    }
    if (i.count->connections > room) {
      result.held_back =
          fmt::format("{} waits to close its {}: the others have {} free", i.id.text,
                      plural(i.count->connections, "client"), plural(int(room), "seat"));
      return;
    }
    room -= i.count->connections;
    result.actions.push_back(CloseAction{
        i.id, fleet.spec.drain.pace, 0,
        fmt::format("it drains: {} go elsewhere, {} a second",
                    plural(i.count->connections, "client"), plain(fleet.spec.drain.pace))});
  }
}

void rebalance(const Fleet& fleet, const ClosingLimits& limits, Instant now,
               ClosingResult& result) {
  const RebalanceSpec& spec = fleet.spec.rebalance;
  std::vector<const Instance*> able;
  double sum = 0;
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle == Lifecycle::starting) return;  // more are about to share
    if (!takes_clients(i, fleet.spec, now)) continue;
    able.push_back(&i);
    sum += i.count->connections;
  }
  if (able.size() < 2) return;
  const double mean = sum / double(able.size());
  const int most = int(std::ceil(mean * (1 + spec.skew)));
  std::ranges::stable_sort(able, std::greater{},
                           [](const Instance* i) { return i->count->connections; });
  int left = std::max(1, int(spec.pace * to_seconds(rebalance_every)));
  for (const Instance* i : able) {
    const int above = i->count->connections - most;
    if (above <= 0 || left <= 0) return;
    if (i->keys > 0) continue;
    if (!limits.over_budget.empty()) {
      result.held_back = limits.over_budget;
      return;
    }
    const int shed = std::min(above, left);
    left -= shed;
    result.actions.push_back(CloseAction{
        i->id, spec.pace, shed,
        fmt::format("{} connections, {} on average: {} go elsewhere, idle ones first",
                    grouped(i->count->connections), plain(std::round(mean)), grouped(shed))});
  }
}

}  // namespace

ClosingResult closing(const Fleet& fleet, const ClosingLimits& limits, Instant now) {
  ClosingResult result;
  if (fleet.spec.drain.tell_path.empty()) return result;
  if (fleet.spec.drain.pace > 0) empty_draining(fleet, limits, now, result);
  if (fleet.spec.rebalance.skew > 0 && limits.may_rebalance) rebalance(fleet, limits, now, result);
  return result;
}

}  // namespace utakata
