// Control among several controllers: clusters come from another owner, and go to one.
#include <algorithm>

#include "fleet/control/cluster.h"
#include "fleet/control/control.h"

namespace utakata {
namespace {

constexpr Duration refresh_every{2s};  // of what is shown of others' clusters

}  // namespace

void Control::want_clusters() {
  if (!parts_.owners) return;
  std::vector<std::string> names;
  for (const auto& cluster : clusters_) names.push_back(cluster->spec().name);
  parts_.owners->want(std::move(names));
}

void Control::turn() {
  if (!parts_.owners) return;
  bool is_any_gained = false;
  for (auto& cluster : clusters_) {
    const Ownership now = parts_.owners->of(cluster->spec().name);
    is_any_gained |= now.kind == Ownership::Kind::ours && now.tenure != cluster->tenure();
    if (now.kind == Ownership::Kind::others && cluster->is_ours())
      cluster = std::make_unique<Cluster>(*this, cluster->file_spec(), cluster->fleet(), 0);
  }
  if (!is_any_gained) return;
  if (const auto saved = parts_.store.load()) return read_again(*saved);
  parts_.after(1s, [this, alive = alive_] {
    if (*alive) turn();
  });
}

bool Control::acts_for(const InstanceId& id) const {
  const Cluster* const cluster = owner_of(id);
  return cluster && cluster->is_ours();
}

// Those that are another's as that one recorded them; those that are newly ours go on from there.
void Control::read_again(const Saved& saved) {
  for (const Batch::ClusterRow& row : saved.clusters)
    if (!row.desired.shutting_down) over_.erase(row.cluster);
  for (auto& cluster : clusters_) {
    const Ownership now = parts_.owners->of(cluster->spec().name);
    if (now.kind == Ownership::Kind::ours ? now.tenure == cluster->tenure() : cluster->is_ours())
      continue;
    cluster = make_cluster(saved, cluster->file_spec());
    if (cluster->is_ours()) cluster->start();
  }
}

void Control::refresh() {
  parts_.after(refresh_every, [this, alive = alive_] {
    if (*alive) refresh();
  });
  if (std::ranges::all_of(clusters_, [](const auto& cluster) { return cluster->is_ours(); }))
    return;
  const auto saved = parts_.store.load();
  if (!saved) return;  // whoever has to record says so
  read_again(*saved);
  down_turn();
}

}  // namespace utakata
