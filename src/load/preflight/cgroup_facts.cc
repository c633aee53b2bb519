#include "load/preflight/cgroup_facts.h"

#include <algorithm>

#include "load/preflight/host_files.h"

namespace utakata::load {
namespace {

// One controller's hierarchy, as far as it is ours: cgroup folders from ours up to the mount's top.
struct Ladder {
  bool is_v2 = false;
  std::vector<std::string> folders{};
};

bool has_word(std::string_view text, std::string_view word) {
  const auto words = words_in(text, ",");
  return std::ranges::find(words, word) != words.end();
}

// /proc/self/cgroup: "4:memory:/a/b" of version 1, "0::/a/b" of version 2.
std::optional<std::string> own_path(const std::string& root, std::string_view controller) {
  const std::string text = file_text(root + "/proc/self/cgroup");
  for (const std::string_view line : words_in(text, "\n")) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool is_it =
        controller.empty() ? line.starts_with("0::") : has_word(controllers, controller);
    if (is_it) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

// proc(5): "36 35 98:0 TOP POINT options ... - TYPE source superoptions".
void add_ladder(const std::string& root, std::string_view controller, std::vector<Ladder>& into) {
  const auto path = own_path(root, controller);
  const std::string mounts = file_text(root + "/proc/self/mountinfo");
  if (!path) return;
  for (const std::string_view line : words_in(mounts, "\n")) {
    const auto dash = line.find(" - ");
    if (dash == line.npos) continue;
    const auto left = words_in(line.substr(0, dash)), right = words_in(line.substr(dash + 3));
    if (left.size() < 5 || right.size() < 3) continue;
    const bool is_it = controller.empty() ? right[0] == "cgroup2"
                                          : right[0] == "cgroup" && has_word(right[2], controller);
    if (!is_it) continue;
    const std::string top(left[3]), point = root + std::string(left[4]);
    std::string below = *path;
    if (top != "/" && below.starts_with(top)) below.erase(0, top.size());
    const bool is_seen = below.starts_with('/') && below.find("/..") == below.npos;
    if (below == "/" || !is_seen) below.clear();
    Ladder ladder{.is_v2 = controller.empty()};
    for (; !below.empty(); below.erase(below.rfind('/'))) ladder.folders.push_back(point + below);
    ladder.folders.push_back(point);
    into.push_back(std::move(ladder));
    return;
  }
}

template <class Number>
void keep_least(std::optional<Number>& least, std::optional<Number> one) {
  if (one) least = std::min(least.value_or(*one), *one);
}

std::optional<std::int64_t> left_of(std::optional<std::int64_t> limit, std::int64_t used) {
  if (!limit) return std::nullopt;
  return std::max(std::int64_t{0}, *limit - used);
}

// Pages of files that nobody used lately are let go when memory is wanted.
std::optional<std::int64_t> memory_left(const std::string& folder, bool is_v2) {
  const auto limit = file_number(folder + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  const auto used = file_number(folder + (is_v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  const std::string stat = file_text(folder + "/memory.stat");
  const auto idle =
      word_number(line_after(stat, is_v2 ? "inactive_file " : "total_inactive_file "), 0);
  return left_of(limit, std::max(std::int64_t{0}, used.value_or(0) - idle.value_or(0)));
}

std::optional<double> cores_of(const std::string& folder, bool is_v2) {
  const std::string both = is_v2 ? file_text(folder + "/cpu.max") : "";
  const auto quota = is_v2 ? word_number(both, 0) : file_number(folder + "/cpu.cfs_quota_us");
  const auto period = is_v2 ? word_number(both, 1) : file_number(folder + "/cpu.cfs_period_us");
  if (!quota || *quota <= 0 || period.value_or(0) <= 0) return std::nullopt;
  return double(*quota) / double(*period);
}

}  // namespace

CgroupFacts read_cgroup_facts(const std::string& root) {
  CgroupFacts facts;
  std::vector<Ladder> ladders;
  for (const std::string_view controller : {"", "memory", "cpu", "pids"})
    add_ladder(root, controller, ladders);
  for (const auto& [is_v2, folders] : ladders)
    for (const std::string& folder : folders) {
      keep_least(facts.memory_bytes, memory_left(folder, is_v2));
      keep_least(facts.cores, cores_of(folder, is_v2));
      keep_least(facts.tasks, left_of(file_number(folder + "/pids.max"),
                                      file_number(folder + "/pids.current").value_or(0)));
    }
  return facts;
}

}  // namespace utakata::load
