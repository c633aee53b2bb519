#include "fleet/plan/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace utakata {

bool has_fresh_count(const Instance& i, const ClusterSpec& spec, Instant now) {
  return i.count && now - i.count->at <= 2 * spec.every;
}

std::vector<Action> drain_finish(const Fleet& fleet, Instant now) {
  std::vector<Action> stops;
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle != Lifecycle::draining) continue;
    // While a key is bound to it, placement may still send that room's next caller.
    const bool is_empty = i.out_of_placement && i.seats_held == 0 && i.keys == 0 && i.zeros >= 2;
    const int clients = i.count ? i.count->connections : 0;
    if (is_empty)
      stops.push_back(StopAction{
          i.id, "out of placement, no seat held, and two fresh counts are zero", 0, true});
    else if (i.drain_left && now - i.since >= *i.drain_left)
      stops.push_back(StopAction{i.id,
                                 fmt::format("drain deadline of {} passed with {} still on it",
                                             to_text(*i.drain_left), plural(clients, "client")),
                                 clients, true});
  }
  return stops;
}

std::vector<InstanceId> drain_pick(const Fleet& fleet, int wanted, bool old_only, Instant now) {
  std::vector<const Instance*> candidates;
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle != Lifecycle::serving || !has_fresh_count(i, fleet.spec, now)) continue;
    if (old_only && i.version == fleet.spec.version) continue;
    candidates.push_back(&i);
  }
  // One host is one zone until providers tell zones, so "crowded zone" decides nothing here yet.
  const auto order = [&](const Instance* i) {
    // One that answers again is not sick any more, even before that is recorded.
    const bool is_sick = i->suspect && i->misses > 0;
    return std::tuple(!is_sick, i->version == fleet.spec.version,
                      i->count->connections + i->seats_held + i->keys,
                      -i->since.time_since_epoch().count());
  };
  const auto chosen = std::min(candidates.size(), std::size_t(std::max(0, wanted)));
  std::ranges::partial_sort(candidates, candidates.begin() + std::ptrdiff_t(chosen), {}, order);
  std::vector<InstanceId> ids;
  for (std::size_t k = 0; k < chosen; ++k) ids.push_back(candidates[k]->id);
  return ids;
}

}  // namespace utakata
