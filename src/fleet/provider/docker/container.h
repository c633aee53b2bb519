// A container's processes, as this host's kernel has them: nothing is asked of the Engine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

// All of them, by their numbers; its handle is "docker 4f5e...". Told by their cgroups' path,
// in which the Engine writes the container's id. Empty: it does not run, or not on this host. Walks
// all of /proc, about 5 us a process.
std::vector<pid_t> processes_in_container(std::string_view handle);

// True if any of `inodes` is a socket of the container's.
bool container_owns_a_socket(const std::string& handle, const std::vector<std::uint64_t>& inodes);

}  // namespace utakata
