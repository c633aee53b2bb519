#include "fleet/store/memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

constexpr std::size_t observations_max = 4096;

// What a store on a disk would give back: the recorded part alone, in its precision.
Instance memory_recorded(const Instance& whole) {
  Instance kept;
  kept.id = whole.id;
  kept.version = whole.version;
  kept.lifecycle = whole.lifecycle;
  kept.handle = whole.handle;
  kept.address = whole.address;
  kept.host = whole.host;
  kept.zone = whole.zone;
  kept.url = whole.url;
  kept.token_hash = whole.token_hash;
  kept.drain_cause = whole.drain_cause;
  if (whole.drain_left) kept.drain_left = std::chrono::milliseconds{to_ms(*whole.drain_left)};
  kept.closes_begun = whole.closes_begun;
  return kept;
}

}  // namespace

Expected<void> MemoryStore::note(std::string call, bool writes) {
  calls_.push_back(std::move(call));
  const bool fails = (fail_in_ > 0 && --fail_in_ == 0) || (writes && is_full_);
  if (!fails) return {};
  return problem(Problem::Kind::unavailable, "store in memory: no room is left", true);
}

Expected<Saved> MemoryStore::load() {
  if (auto noted = note("load", false); !noted) return std::unexpected(noted.error());
  Saved saved{.fleet_id = "memory", .instances = {}, .clusters = {}, .settings = {}};
  for (const auto& [id, row] : instances_)
    if (row.instance.lifecycle != Lifecycle::gone) saved.instances.push_back(row);
  for (const auto& [name, row] : clusters_) saved.clusters.push_back(row);
  saved.settings.assign(settings_.begin(), settings_.end());
  return saved;
}

Expected<void> MemoryStore::record(Batch& batch) {
  auto noted = note(fmt::format("record {} activit{}, {}, {}", batch.activities.size(),
                                batch.activities.size() == 1 ? "y" : "ies",
                                plural(std::ssize(batch.instances), "instance"),
                                plural(std::ssize(batch.clusters), "cluster")),
                    true);
  if (!noted) return noted;
  for (Activity& activity : batch.activities) {
    activity.number = std::int64_t(activities_.size()) + 1;
    activities_.push_back(activity);
  }
  for (const InstanceRow& row : batch.instances)
    instances_.insert_or_assign(row.instance.id.text,
                                InstanceRow{row.cluster, memory_recorded(row.instance)});
  for (const Batch::ClusterRow& row : batch.clusters) clusters_.insert_or_assign(row.cluster, row);
  return {};
}

Expected<void> MemoryStore::set(std::string_view name, std::string_view text) {
  if (auto noted = note(fmt::format("set {}", name), true); !noted) return noted;
  settings_.insert_or_assign(std::string(name), std::string(text));
  return {};
}

Expected<std::vector<Activity>> MemoryStore::activities(const ActivityQuery& query) {
  if (auto noted = note("activities", false); !noted) return std::unexpected(noted.error());
  std::vector<Activity> found;
  for (auto it = activities_.rbegin(); it != activities_.rend() && it->number > query.after; ++it) {
    if (std::ssize(found) >= query.limit) break;
    if (!query.cluster.empty() && it->cluster != query.cluster) continue;
    if (!query.instance.empty() && it->instance != query.instance) continue;
    found.push_back(*it);
  }
  std::ranges::reverse(found);
  return found;
}

Expected<void> MemoryStore::observe(std::string_view cluster, WallTime at, std::string_view blob) {
  if (auto noted = note(fmt::format("observe {}", cluster), true); !noted) return noted;
  observations_.push_back({++observed_, std::string(cluster), at, std::string(blob)});
  if (observations_.size() > observations_max) observations_.pop_front();
  return {};
}

Expected<std::vector<ObservationRow>> MemoryStore::observations(std::string_view cluster,
                                                                std::int64_t after, int limit) {
  if (auto noted = note("observations", false); !noted) return std::unexpected(noted.error());
  std::vector<ObservationRow> found;
  for (const ObservationRow& row : observations_) {
    if (std::ssize(found) >= limit) break;
    if (row.number > after && (cluster.empty() || row.cluster == cluster)) found.push_back(row);
  }
  return found;
}

}  // namespace utakata
