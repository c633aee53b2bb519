#include "fleet/provider/docker/container.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "fleet/provider/process/tree.h"

namespace utakata {
namespace {

std::string cgroups_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cgroup", pid));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::vector<pid_t> processes_in_container(std::string_view handle) {
  constexpr std::string_view kind = "docker ";
  std::vector<pid_t> all;
  if (!handle.starts_with(kind) || handle.size() == kind.size()) return all;
  const auto id = handle.substr(kind.size());
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    pid_t pid = 0;
    const char* const name = entry->d_name;
    const auto [end, error] = std::from_chars(name, name + std::strlen(name), pid);
    if (error != std::errc{} || *end != 0) continue;
    if (cgroups_of(pid).find(id) != std::string::npos) all.push_back(pid);
  }
  std::ranges::sort(all);
  return all;
}

bool container_owns_a_socket(const std::string& handle, const std::vector<std::uint64_t>& inodes) {
  for (const pid_t pid : processes_in_container(handle))
    for (const auto inode : socket_inodes_of(pid))
      if (std::ranges::find(inodes, inode) != inodes.end()) return true;
  return false;
}

}  // namespace utakata
