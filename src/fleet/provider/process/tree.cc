#include "fleet/provider/process/tree.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "fleet/provider/process/proc.h"

namespace utakata {
namespace {

struct Folder {
  explicit Folder(const std::string& path) : open(opendir(path.c_str())) {}
  ~Folder() {
    if (open) closedir(open);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  DIR* open;
};

// Direct children of every thread, as the kernel lists them (CONFIG_PROC_CHILDREN; without it:
// none).
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const Folder threads{fmt::format("/proc/{}/task", pid)};
  if (!threads.open) return children;
  while (const dirent* thread = readdir(threads.open)) {
    std::ifstream file{fmt::format("/proc/{}/task/{}/children", pid, thread->d_name)};
    for (pid_t child; file >> child;) children.push_back(child);
  }
  return children;
}

bool has_a_socket(pid_t pid, const std::vector<std::uint64_t>& inodes) {
  return std::ranges::any_of(socket_inodes_of(pid), [&](std::uint64_t inode) {
    return std::ranges::find(inodes, inode) != inodes.end();
  });
}

}  // namespace

std::vector<pid_t> descendants_of(pid_t main) {
  std::vector<pid_t> found{main};
  for (std::size_t i = 0; i < found.size(); ++i)
    for (const pid_t child : children_of(found[i]))
      if (std::ranges::find(found, child) == found.end()) found.push_back(child);
  return found;
}

std::string to_text(const ProcessHandle& handle) {
  auto text = fmt::format("pid {} started {}", handle.pid, handle.started);
  if (!handle.boot.empty()) text += " boot " + handle.boot;
  return text;
}

std::optional<ProcessHandle> process_handle_from(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string pid, started, boot;
  ProcessHandle handle;
  if (!(words >> pid >> handle.pid >> started >> handle.started)) return std::nullopt;
  if (pid != "pid" || started != "started" || handle.pid <= 1) return std::nullopt;
  if (words >> boot && (boot != "boot" || !(words >> handle.boot))) return std::nullopt;
  if (words >> boot) return std::nullopt;
  return handle;
}

bool is_running(const ProcessHandle& handle) {
  if (!handle.boot.empty() && handle.boot != boot_mark()) return false;
  const auto stat = read_stat(handle.pid);
  return stat && is_alive(*stat) && stat->started == handle.started;
}

std::vector<pid_t> tree_of(std::string_view text) {
  const auto handle = process_handle_from(text);
  if (!handle || !is_running(*handle)) return {};
  const auto marks = read_marks(handle->pid);
  auto tree = descendants_of(handle->pid);
  const std::set<pid_t> known{tree.begin(), tree.end()};
  ProcWalk{}.step(Duration::max() / 2, [&](pid_t pid) {
    if (known.contains(pid)) return;
    const bool same_session = getsid(pid) == handle->pid;
    const auto theirs = same_session || !marks ? std::nullopt : read_marks(pid);
    const bool same_marks =
        theirs && theirs->fleet == marks->fleet && theirs->instance == marks->instance;
    if (same_session || same_marks) tree.push_back(pid);
  });
  return tree;
}

std::vector<std::uint64_t> socket_inodes_of(pid_t pid) {
  std::vector<std::uint64_t> inodes;
  const auto path = fmt::format("/proc/{}/fd", pid);
  const Folder folder{path};
  if (!folder.open) return inodes;
  while (const dirent* entry = readdir(folder.open)) {
    char target[64];
    const ssize_t length = readlinkat(dirfd(folder.open), entry->d_name, target, sizeof target);
    std::string_view text{target, std::size_t(std::max<ssize_t>(length, 0))};
    if (!text.starts_with("socket:[")) continue;
    text.remove_prefix(8);
    std::uint64_t inode = 0;
    std::from_chars(text.data(), text.data() + text.size(), inode);
    inodes.push_back(inode);
  }
  return inodes;
}

bool owns_a_socket(std::string_view text, const std::vector<std::uint64_t>& inodes) {
  const auto handle = process_handle_from(text);
  if (!handle || inodes.empty() || !is_running(*handle)) return false;
  for (const pid_t pid : descendants_of(handle->pid))
    if (has_a_socket(pid, inodes)) return true;
  return std::ranges::any_of(tree_of(text), [&](pid_t pid) { return has_a_socket(pid, inodes); });
}

}  // namespace utakata
