// An instance's processes: which they are, and which sockets are theirs. Readiness asks, before it
// trusts a listener.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

// How an instance's main process is found again: "pid 812 started 93112 boot fd6e85b5". The boot's
// mark may be missing.
struct ProcessHandle {
  pid_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since the host's boot
  std::string boot;
  bool operator==(const ProcessHandle&) const = default;
};
std::string to_text(const ProcessHandle& handle);
std::optional<ProcessHandle> process_handle_from(std::string_view text);

// True while that very process runs: not a later owner of its pid, not one that only waits to be
// reaped.
bool is_running(const ProcessHandle& handle);

// The main process and everything it started: its children's children, its session, and whoever
// carries its UTAKATA_INSTANCE. Empty once the main process is gone. Walks all of /proc, about 5 us
// a process: ask for starting instances, not for every instance each second.
std::vector<pid_t> tree_of(std::string_view handle);

// The main process first, then its descendants that were not handed to another parent, as the
// kernel lists them (CONFIG_PROC_CHILDREN). Reads a file a process, and does not walk /proc.
std::vector<pid_t> descendants_of(pid_t main);

// The inode numbers of a process's sockets, as sock_diag names them. Empty where we may not look.
std::vector<std::uint64_t> socket_inodes_of(pid_t pid);

// True if any of `inodes` is a socket of the instance. The main process and its children are looked
// at first, so the usual yes does not walk /proc.
bool owns_a_socket(std::string_view handle, const std::vector<std::uint64_t>& inodes);

}  // namespace utakata
