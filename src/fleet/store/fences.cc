#include "fleet/store/fences.h"

#include <fmt/format.h>

#include <set>

namespace utakata {

Expected<std::vector<Fence>> fences_of(const Batch& batch, const FenceOf& of) {
  std::vector<Fence> fences;
  if (!of) return fences;
  std::set<std::string> clusters;
  for (const auto& one : batch.activities) clusters.insert(one.cluster);
  for (const auto& one : batch.instances) clusters.insert(one.cluster);
  for (const auto& one : batch.clusters) clusters.insert(one.cluster);
  clusters.erase("");
  for (const auto& cluster : clusters) {
    const auto number = of(cluster);
    if (!number)
      return problem(
          Problem::Kind::conflict,
          fmt::format("etcd: cluster {} is not ours now: nothing was recorded", cluster));
    fences.push_back({cluster, *number});
  }
  return fences;
}

}  // namespace utakata
