// A process that somebody else started, looked at before an instance is made of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>

#include "base/problem.h"
#include "fleet/provider/process/tree.h"

namespace utakata {

struct ForeignProcess {
  ProcessHandle handle;
  std::uint16_t port = 0;
};

// Reads /proc of it and of its descendants, and touches nothing. `port` 0: the one that it listens
// on, if there is only one. Problems, a sentence each: `not_found` (no such process), `refused`
// (pid 1, this controller or who started it, a kernel's, another user's, a container's), `conflict`
// (an instance already, by its marks), `invalid` (it listens nowhere, not there, or on several).
Expected<ForeignProcess> look_at_foreign(pid_t pid, std::uint16_t port);

// The ports on which these processes listen.
std::set<std::uint16_t> ports_listened_on(pid_t pid);

// It, and whoever descends from it.
bool is_ancestor(pid_t ancestor, pid_t pid);

}  // namespace utakata
