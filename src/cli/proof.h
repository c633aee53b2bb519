// Is anything left of a fleet? Asked of the kernel, not of our records.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

struct LeftProcess {
  pid_t pid = 0;
  std::string instance;
  bool operator==(const LeftProcess&) const = default;
};

// Processes that carry one of these marks (UTAKATA_FLEET), dead ones that nobody waited for
// excepted.
std::vector<LeftProcess> processes_of(const std::set<std::string>& fleets);
// The mark that process carries; empty: none, or it cannot be read.
std::string fleet_of(pid_t pid);

// Of these ports, those that something listens on. Reads /proc/net/tcp and tcp6.
std::set<std::uint16_t> listening(const std::set<std::uint16_t>& ports);
// The same out of such a file's text.
std::set<std::uint16_t> listening_in(std::string_view proc_net_tcp);

}  // namespace utakata
