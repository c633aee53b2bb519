#include "fleet/provider/process/cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fleet/provider/process/descriptor.h"
#include "fleet/provider/process/logs.h"
#include "fleet/provider/process/proc.h"

namespace utakata {
namespace {

namespace fs = std::filesystem;

bool write_value(const std::string& path, const std::string& value) {
  const Descriptor file{open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  return file && write(file.get(), value.data(), value.size()) == ssize_t(value.size());
}

bool has_word(const std::string& text, const std::string& word, char between) {
  std::istringstream words{text};
  for (std::string one; std::getline(words, one, between);)
    if (one == word) return true;
  return false;
}

// Our own cgroup as /proc/self/cgroup names it: of version 1's memory controller, or of version 2
// (hierarchy 0).
std::optional<std::string> own_path(bool is_v2) {
  std::ifstream file{"/proc/self/cgroup"};
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (is_v2 ? line.starts_with("0::") : has_word(controllers, "memory", ','))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// Where that hierarchy is mounted, and which of its folders is the mount's top (proc(5),
// mountinfo).
struct Mount {
  std::string top, point;
};
std::optional<Mount> mount_of(bool is_v2) {
  std::ifstream file{"/proc/self/mountinfo"};
  for (std::string line; std::getline(file, line);) {
    const auto dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::istringstream left{line}, right{line.substr(dash + 3)};
    std::string skip, type, source, options;
    Mount mount;
    left >> skip >> skip >> skip >> mount.top >> mount.point;
    right >> type >> source >> options;
    if (is_v2 ? type == "cgroup2" : type == "cgroup" && has_word(options, "memory", ','))
      return mount;
  }
  return std::nullopt;
}

std::optional<std::string> own_folder(bool is_v2) {
  const auto path = own_path(is_v2);
  const auto mount = mount_of(is_v2);
  if (!path || !mount) return std::nullopt;
  std::string below = *path;
  if (mount->top != "/" && below.starts_with(mount->top)) below.erase(0, mount->top.size());
  if (below.find("/..") != below.npos) return std::nullopt;  // outside of our namespace
  return below == "/" ? mount->point : mount->point + below;
}

// The dead may be listed for another moment.
bool holds_the_living(const std::string& folder) {
  return std::ranges::any_of(Cgroups::members(folder), [](pid_t pid) {
    const auto stat = read_stat(pid);
    return stat && is_alive(*stat);
  });
}

}  // namespace

Cgroups::Cgroups(const std::string& fleet_id, bool is_wanted)
    : prefix_(fmt::format("utakata-{}-", file_name(fleet_id))) {
  if (!is_wanted) {
    why_not_ = "process: memory limits are not enforced, because cgroups are switched off.";
    return;
  }
  if (const auto own = own_folder(false); own && try_base(*own, false)) return;
  if (const auto own = own_folder(true)) {
    // A version 2 cgroup with processes in it cannot hand memory on to children; its parent often
    // can.
    for (const auto& folder : {*own, fs::path(*own).parent_path().string()}) {
      write_value(folder + "/cgroup.subtree_control", "+memory");
      if (try_base(folder, true)) return;
    }
  }
  why_not_ =
      "process: memory limits are not enforced, because this user may not make a memory cgroup "
      "here; run as root, or "
      "under systemd with Delegate=yes, to have them.";
}

bool Cgroups::try_base(const std::string& folder, bool is_v2) {
  const auto sample = folder + "/" + prefix_ + "trial";
  if (mkdir(sample.c_str(), 0755) != 0 && errno != EEXIST) return false;
  const bool works =
      write_value(sample + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"), "1073741824");
  rmdir(sample.c_str());
  if (!works) return false;
  base_ = folder;
  is_v2_ = is_v2;
  return true;
}

std::string Cgroups::path_of(const InstanceId& id) const {
  return base_ + "/" + prefix_ + file_name(id.text);
}

std::string Cgroups::make(const InstanceId& id, std::optional<std::int64_t> memory_max) const {
  if (base_.empty()) return {};
  const auto folder = path_of(id);
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return {};
  if (!memory_max) return folder;
  const auto bytes = std::to_string(*memory_max);
  // Swap counts too, where the host accounts for it: a limit that only begins to swap would not be
  // one.
  if (is_v2_) {
    write_value(folder + "/memory.max", bytes);
    write_value(folder + "/memory.swap.max", "0");
    write_value(folder + "/memory.oom.group", "1");
  } else {
    write_value(folder + "/memory.limit_in_bytes", bytes);
    write_value(folder + "/memory.memsw.limit_in_bytes", bytes);
  }
  return folder;
}

std::string Cgroups::folder_of(const InstanceId& id) const {
  std::error_code none;
  return !base_.empty() && fs::is_directory(path_of(id), none) ? path_of(id) : std::string{};
}

std::vector<pid_t> Cgroups::members(const std::string& folder) {
  std::vector<pid_t> pids;
  std::ifstream file{folder + "/cgroup.procs"};
  for (pid_t pid; file >> pid;)
    if (pid > 1) pids.push_back(pid);
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.is_directory(none))
      std::ranges::copy(members(entry.path()), std::back_inserter(pids));
  return pids;
}

bool Cgroups::holds(const std::string& folder, pid_t pid) {
  const auto pids = members(folder);
  return std::ranges::find(pids, pid) != pids.end();
}

bool Cgroups::was_out_of_memory(const std::string& folder) {
  for (const char* name : {"/memory.oom_control", "/memory.events"}) {  // v1, v2
    std::ifstream file{folder + name};
    std::string word;
    for (std::int64_t number; file >> word >> number;)
      if (word == "oom_kill" && number > 0) return true;
  }
  return false;
}

bool Cgroups::remove(const std::string& folder) {
  std::error_code none;
  std::vector<std::string> below;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.is_directory(none)) below.push_back(entry.path());
  for (const auto& one : below) remove(one);
  return rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

bool Cgroups::remove_empty() const {
  if (base_.empty()) return true;
  std::error_code none;
  std::vector<std::string> ours;
  for (const auto& entry : fs::directory_iterator(base_, none))
    if (entry.path().filename().string().starts_with(prefix_)) ours.push_back(entry.path());
  bool all = true;
  for (const auto& one : ours)
    if (!holds_the_living(one) && !remove(one)) all = false;
  return all;
}

}  // namespace utakata
