// Model values as the JSON that stands in etcd, for people with etcdctl too, and back. Pure. What
// is empty is left out; what is unknown is passed over, so that a newer program may add fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fleet/model/activity.h"
#include "fleet/model/instance.h"
#include "fleet/store/store.h"

namespace utakata::etcd {

// Which layout this program writes, and the newest it reads.
inline constexpr std::int64_t format_newest = 1;

std::string format_text(std::string_view stack);
std::string row_text(const Instance& instance);  // what is recorded of it; durations as time left
std::string row_text(const Batch::ClusterRow& row);
// Its number is its key's. `controller`: who records it.
std::string row_text(const Activity& activity, std::string_view controller);

// Nothing: damaged, or not ours.
struct Format {
  std::int64_t format = 0;
  std::string stack;
};
std::optional<Format> format_from(std::string_view text);
std::optional<Instance> instance_from(std::string_view id, std::string_view text);
std::optional<Batch::ClusterRow> cluster_from(std::string_view name, std::string_view text);
std::optional<Activity> activity_from(std::int64_t number, std::string_view text);

// The one key that every batch of every controller of the stack writes: it puts them in one order.
struct Counter {
  std::int64_t number = 0;  // of the newest activity
  // The newest batches: each one's token and the number of its first activity. Whose answer was
  // lost finds itself here.
  std::vector<std::pair<std::string, std::int64_t>> recent{};
  // A large batch that is recorded, and whose parts are not all written as rows yet.
  struct Spread {
    std::string token;
    std::int64_t first = 0;  // the number of its first activity
    int parts = 0;
    bool operator==(const Spread&) const = default;
  };
  std::optional<Spread> spreading{};
  bool operator==(const Counter&) const = default;
};
inline constexpr std::size_t recent_max = 24;
std::string row_text(const Counter& counter);
std::optional<Counter> counter_from(std::string_view text);

// What a batch writes.
struct Write {
  std::string key;                   // of an activity: empty until it has its number
  std::optional<std::string> value;  // none: the key goes
  bool is_activity() const { return key.empty(); }
  bool operator==(const Write&) const = default;
};
struct Part {
  std::int64_t activities_before = 0;  // in the parts before it
  std::vector<Write> writes{};
  bool operator==(const Part&) const = default;
};
std::string part_text(const Part& part);
std::optional<Part> part_from(std::string_view text);

}  // namespace utakata::etcd
