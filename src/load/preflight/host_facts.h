// What this host allows a load generator: read once, before a run. Blocks, for some milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"

namespace utakata::load {

// What bounds processes and threads first.
enum class TaskBound : std::uint8_t { kernel, user, cgroup };

// Absent: without bound, or it cannot be read here (as that of connections tracked, where nothing
// can track them).
struct HostFacts {
  // Of one process: what it may raise itself to, and what it has; never more than fs.nr_open.
  std::optional<std::int64_t> descriptors{}, descriptors_soft{};
  std::optional<std::int64_t> descriptors_max{};  // fs.nr_open: what root may raise that to
  // Of all processes of this host.
  std::optional<std::int64_t> files_max{};
  std::int64_t files_open = 0;

  std::optional<std::int64_t> ports{};  // local ones, of each source address to each target
  int reuses_ports = 0;                 // net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 on loopback
  std::optional<std::int64_t> tracked_max{};  // nf_conntrack_max
  std::int64_t tracked = 0;                   // now; 0: most likely nothing tracks connections here
  Duration tracked_after{};                   // for which one that is closed stays in that table
  std::optional<std::int64_t> backlog{};      // net.core.somaxconn

  std::optional<std::int64_t> memory_bytes{};  // available, to this process's cgroup, too
  bool is_memory_of_cgroup = false;            // it is the cgroup that allows no more
  std::optional<std::int64_t> tcp_pages{};     // net.ipv4.tcp_mem: in all sockets' buffers

  double cores = 1;  // that this process may use; its cgroup's share may be less than one
  std::optional<std::int64_t> tasks{};  // processes and threads that may yet be started
  TaskBound tasks_bound = TaskBound::kernel;

  bool operator==(const HostFacts&) const = default;
};

// `root` is where proc and sys are looked for: "" or, in tests, a folder.
HostFacts read_host_facts(const std::string& root = "");

// Raises what this process, and who is started by it from now on, may have open to the hard limit.
// Returns what it is then. For who runs many sockets, before it starts its workers.
std::int64_t raise_descriptor_limit();

}  // namespace utakata::load
