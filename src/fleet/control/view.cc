#include "fleet/control/view.h"

namespace utakata {
namespace {

// The last view's, where it stood at or after the same place: the fleet keeps its order, and an
// instance's url and token are told before it serves.
std::shared_ptr<const Placeable::Identity> identity_of(const Instance& i, const PlacementView* last,
                                                       std::size_t& from) {
  for (std::size_t k = from; last && k < last->instances.size(); ++k) {
    if (last->instances[k].identity->id != i.id) continue;
    from = k + 1;
    return last->instances[k].identity;
  }
  return placeable_identity(i.id.text, i.url, i.token_hash, i.address);
}

}  // namespace

PlacementView placement_view(const Fleet& fleet, bool braked, Instant now,
                             const PlacementView* last) {
  const ClusterSpec& spec = fleet.spec;
  PlacementView view{.cluster = spec.name,
                     .version = 0,
                     .capacity = spec.capacity,
                     .accept_per_second = spec.accept_per_second,
                     .policy = spec.place,
                     .seats_per_key = spec.seats_per_key,
                     .hold = spec.hold,
                     .instances = {}};
  std::size_t from = 0;
  view.instances.reserve(fleet.instances.size());
  for (const Instance& i : fleet.instances) {
    // One that starts may have served before a crash that came before its readiness was recorded:
    // what placement knows of it must not be forgotten.
    const bool starts = i.lifecycle == Lifecycle::starting && i.address.port != 0;
    if (!starts && i.lifecycle != Lifecycle::serving && i.lifecycle != Lifecycle::draining)
      continue;
    Placeable p;
    p.identity = identity_of(i, last, from);
    p.open = i.lifecycle == Lifecycle::serving && (!i.suspect || braked);
    p.honours_keys = !starts && (!i.suspect || braked);
    p.count_known = i.count.has_value();
    if (i.count) p.connections = i.count->connections, p.counted_at = i.count->at;
    p.accepted = i.accepted;
    p.serving_since = i.lifecycle == Lifecycle::serving ? i.since : now;
    if (spec.weight_metric && *spec.weight_metric < i.metrics.size())
      p.weight = i.metrics[*spec.weight_metric];
    view.instances.push_back(std::move(p));
  }
  return view;
}

}  // namespace utakata
