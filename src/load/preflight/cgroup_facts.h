// What the cgroups of this process allow it, of version 1, 2 or both. Private to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace utakata::load {

struct CgroupFacts {                           // absent: no bound
  std::optional<std::int64_t> memory_bytes{};  // left
  std::optional<double> cores{};
  std::optional<std::int64_t> tasks{};  // left
};

// The least of its own cgroup and all above it, as far as they are mounted.
CgroupFacts read_cgroup_facts(const std::string& root);

}  // namespace utakata::load
