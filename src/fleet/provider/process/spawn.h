// Starts one process that waits at a gate: it has run nothing of the user's until the gate is
// opened, and ends by itself if the gate's other end is closed, which the kernel does when we die.
//
// posix_spawn starts /bin/sh at once (no copy of our memory, no code of ours between fork and
// exec); the shell waits for a line and then becomes the user's command under the same pid, in a
// session of its own. Blocks until the exec: ~1 ms.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "fleet/provider/process/descriptor.h"
#include "fleet/provider/process/tree.h"

namespace utakata {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct SpawnOrder {
  std::string run;     // through /bin/sh -c
  std::string folder;  // absolute
  Environment env;     // whole; nothing is inherited
  std::string log;     // stdout and stderr are appended to it: a pipe would break when we die
  std::string cgroup;  // folder it joins by itself before it waits; empty: none
  std::optional<std::int64_t> files_max;
};

struct Spawned {
  ProcessHandle handle;
  Descriptor pidfd;
  Descriptor gate;
  // The limit that holds, where the one asked for is not allowed.
  std::optional<std::int64_t> files_clamped;
};

// Problems: `unavailable` with retry (process table full, out of descriptors or memory, log not
// writable), `invalid`.
Expected<Spawned> spawn_gated(const SpawnOrder& order);
void open_gate(Descriptor& gate);  // the user's command runs
bool waits_at_gate(pid_t pid);     // by its command line

// Our environment without UTAKATA_*, systemd's private ones and `hidden`.
Environment inherited_environment(const std::vector<std::string>& hidden);
void assign(Environment& env, const std::string& name, std::string value);

// How a child of ours ended; it is no more after this. None: it runs, or is not our child
// (adopted).
std::optional<siginfo_t> reap(const Descriptor& pidfd);
bool awaits_reaping(
    const Descriptor& pidfd);  // a dead child of ours: its pid and group still belong to it
std::string exit_text(const siginfo_t& info);  // "exit code 1", "killed by signal 9 (SIGKILL)"

}  // namespace utakata
