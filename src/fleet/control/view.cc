#include "fleet/control/view.h"

namespace utakata {

PlacementView placement_view(const Fleet& fleet, bool braked, Instant now) {
  const ClusterSpec& spec = fleet.spec;
  PlacementView view{.cluster = spec.name,
                     .version = 0,
                     .capacity = spec.capacity,
                     .accept_per_second = spec.accept_per_second,
                     .policy = spec.place,
                     .seats_per_key = spec.seats_per_key,
                     .hold = spec.hold,
                     .instances = {}};
  view.instances.reserve(fleet.instances.size());
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle != Lifecycle::serving && i.lifecycle != Lifecycle::draining) continue;
    Placeable p;
    p.id = i.id;
    p.url = i.url;
    p.open = i.lifecycle == Lifecycle::serving && (!i.suspect || braked);
    p.honours_keys = !i.suspect || braked;
    p.count_known = i.count.has_value();
    if (i.count) p.connections = i.count->connections, p.counted_at = i.count->at;
    p.accepted = i.accepted;
    p.serving_since = i.lifecycle == Lifecycle::serving ? i.since : now;
    if (spec.weight_metric && *spec.weight_metric < i.metrics.size())
      p.weight = i.metrics[*spec.weight_metric];
    p.token_hash = i.token_hash;
    view.instances.push_back(std::move(p));
  }
  return view;
}

}  // namespace utakata
