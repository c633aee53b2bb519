#include "fleet/control/view.h"

namespace utakata {
namespace {

// The one of the last view, where it stood at or after the same place; the fleet keeps its order.
std::shared_ptr<const Placeable::Identity> identity_of(const Instance& i, const Identities& last,
                                                       std::size_t& from) {
  for (std::size_t k = from; k < last.size(); ++k) {
    if (last[k]->id != i.id) continue;
    from = k + 1;
    if (last[k]->url != i.url || last[k]->token_hash != i.token_hash) break;
    return last[k];
  }
  return placeable_identity(i.id.text, i.url, i.token_hash);
}

}  // namespace

PlacementView placement_view(const Fleet& fleet, bool braked, Instant now, Identities& last) {
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
    if (i.lifecycle != Lifecycle::serving && i.lifecycle != Lifecycle::draining) continue;
    Placeable p;
    p.identity = identity_of(i, last, from);
    p.open = i.lifecycle == Lifecycle::serving && (!i.suspect || braked);
    p.honours_keys = !i.suspect || braked;
    p.count_known = i.count.has_value();
    if (i.count) p.connections = i.count->connections, p.counted_at = i.count->at;
    p.accepted = i.accepted;
    p.serving_since = i.lifecycle == Lifecycle::serving ? i.since : now;
    if (spec.weight_metric && *spec.weight_metric < i.metrics.size())
      p.weight = i.metrics[*spec.weight_metric];
    view.instances.push_back(std::move(p));
  }
  last.resize(view.instances.size());
  for (std::size_t k = 0; k < last.size(); ++k) last[k] = view.instances[k].identity;
  return view;
}

}  // namespace utakata
