#include "fleet/plan/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "base/text.h"
#include "fleet/plan/spread.h"

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

namespace {

// Serving ones that may leave, of one zone or host: the best victim at `next`.
struct Crowd {
  int size = 0;  // all of it that start or serve
  std::vector<const Instance*> victims;
  std::size_t next = 0;
  bool is_spent() const { return next == victims.size(); }
};

using Crowds = std::map<std::string_view, Crowd>;

bool is_victim(const Instance& i, const Fleet& fleet, bool old_only, Instant now) {
  return i.lifecycle == Lifecycle::serving && has_fresh_count(i, fleet.spec, now) &&
         !(old_only && i.version == fleet.spec.version);
}

Crowds crowds_of(const Fleet& fleet, bool old_only, Instant now) {
  Crowds crowds;
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle != Lifecycle::starting && i.lifecycle != Lifecycle::serving) continue;
    Crowd& crowd = crowds[crowd_of(i, fleet.spec.spread)];
    ++crowd.size;
    if (is_victim(i, fleet, old_only, now)) crowd.victims.push_back(&i);
  }
  return crowds;
}

}  // namespace

std::vector<InstanceId> drain_pick(const Fleet& fleet, int wanted, bool old_only, Instant now) {
  const auto order = [&](const Instance* i, int crowd) {
    // One that answers again is not sick any more, even before that is recorded.
    const bool is_sick = i->suspect && i->misses > 0;
    return std::tuple(!is_sick, i->version == fleet.spec.version, -crowd,
                      i->count->connections + i->seats_held + i->keys,
                      -i->since.time_since_epoch().count());
  };
  Crowds crowds = crowds_of(fleet, old_only, now);
  for (auto& [name, crowd] : crowds)
    std::ranges::stable_sort(crowd.victims, {}, [&](const Instance* i) { return order(i, 0); });
  std::vector<InstanceId> ids;
  while (int(ids.size()) < wanted) {  // each that leaves makes its zone less crowded
    Crowd* best = nullptr;
    const auto order_of_next = [&](const Crowd& c) { return order(c.victims[c.next], c.size); };
    for (auto& [name, crowd] : crowds)
      if (!crowd.is_spent() && (!best || order_of_next(crowd) < order_of_next(*best)))
        best = &crowd;
    if (!best) break;
    ids.push_back(best->victims[best->next++]->id);
    --best->size;
  }
  return ids;
}

}  // namespace utakata
