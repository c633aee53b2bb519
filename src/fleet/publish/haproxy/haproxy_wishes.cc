#include "fleet/publish/haproxy/haproxy_wishes.h"

#include <algorithm>

#include "fleet/model/template.h"

namespace utakata {
namespace {

HaproxyWish wish_for(const PublishedCluster::Line& line, int capacity, const std::string& prefix,
                     const HostNumber& number_of) {
  const auto& [host, port] = line.identity->address;
  HaproxyWish wish{.name = prefix + haproxy_name(line.identity->id.text),
                   .address = {},
                   .port = port,
                   .be = HaproxyWish::Be::as_it_is};
  const auto number = port == 0 ? std::nullopt : number_of(host);
  if (!number || (line.open && !line.is_free_known)) return wish;
  wish.address = *number;
  const bool has_room = line.open && line.free > 0;
  wish.be = has_room ? HaproxyWish::Be::open : HaproxyWish::Be::drained;
  if (has_room) wish.weight = haproxy_weight(line.free, capacity);
  return wish;
}

}  // namespace

std::optional<std::string> haproxy_backend(const HaproxySpec& spec, const std::string& cluster) {
  if (!spec.clusters.empty() && std::ranges::find(spec.clusters, cluster) == spec.clusters.end())
    return std::nullopt;
  return expand(spec.backend,
                [&](std::string_view name) {
                  return name == "cluster" ? std::optional(cluster) : std::nullopt;
                })
      .value_or(spec.backend);
}

std::map<std::string, std::vector<HaproxyWish>> haproxy_wishes(
    const HaproxySpec& spec, const std::string& prefix, std::span<const PublishedCluster> clusters,
    const HostNumber& number_of) {
  std::map<std::string, std::vector<HaproxyWish>> all;
  for (const auto& cluster : clusters) {
    const auto backend = haproxy_backend(spec, cluster.cluster);
    if (!backend || cluster.whose != PublishedCluster::Whose::ours) continue;
    auto& wishes = all[*backend];
    for (const auto& line : cluster.lines)
      wishes.push_back(wish_for(line, cluster.capacity, prefix, number_of));
  }
  return all;
}

}  // namespace utakata
