#include "fleet/store/etcd/batch_writes.h"

#include <map>
#include <utility>

namespace utakata::etcd {

std::vector<Write> writes_of(const Keys& keys, const Batch& batch, std::string_view controller) {
  std::vector<Write> all;
  for (const Activity& activity : batch.activities)
    all.push_back({.key = {}, .value = row_text(activity, controller)});
  std::map<std::string, std::optional<std::string>> rows;
  for (const auto& [cluster, instance] : batch.instances) {
    const bool is_gone = instance.lifecycle == Lifecycle::gone;
    rows[keys.instance(cluster, instance.id.text)] =
        is_gone ? std::nullopt : std::optional(row_text(instance));
  }
  for (const auto& row : batch.clusters) rows[keys.cluster(row.cluster)] = row_text(row);
  for (auto& [key, value] : rows) all.push_back({.key = key, .value = std::move(value)});
  return all;
}

std::size_t bytes_of(const Write& write) {
  constexpr std::size_t around = 64;  // lengths, and the key of an activity
  return write.key.size() + (write.value ? write.value->size() : 0) + around;
}

std::vector<Part> parts_of(std::vector<Write> writes, std::size_t bytes_max) {
  std::vector<Part> parts;
  std::size_t bytes = 0;
  std::int64_t activities = 0;
  for (Write& write : writes) {
    if (parts.empty() || bytes + bytes_of(write) > bytes_max) {
      parts.push_back({.activities_before = activities});
      bytes = 0;
    }
    bytes += bytes_of(write);
    activities += write.is_activity();
    parts.back().writes.push_back(std::move(write));
  }
  return parts;
}

}  // namespace utakata::etcd
