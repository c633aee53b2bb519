#include "load/preflight/host_facts.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

#include "load/preflight/cgroup_facts.h"
#include "load/preflight/host_files.h"

namespace utakata::load {
namespace {

namespace fs = std::filesystem;

using Number = std::optional<std::int64_t>;

void read_descriptors(const std::string& root, HostFacts& facts) {
  const std::string limits = file_text(root + "/proc/self/limits");
  const auto line = line_after(limits, "Max open files");
  const std::string sys = root + "/proc/sys/fs/";
  facts.descriptors_max = file_number(sys + "nr_open");
  const auto bounded = [&](Number limit) {
    return !limit || !facts.descriptors_max ? (limit ? limit : facts.descriptors_max)
                                            : std::min(*limit, *facts.descriptors_max);
  };
  if (!line.empty()) {
    facts.descriptors_soft = bounded(word_number(line, 0));
    facts.descriptors = bounded(word_number(line, 1));
  }
  facts.files_max = file_number(sys + "file-max");
  const std::string open = file_text(sys + "file-nr");  // made, free among them, and the limit
  facts.files_open = word_number(open, 0).value_or(0) - word_number(open, 1).value_or(0);
}

// "8080,9148-9160"
std::int64_t reserved_ports(const std::string& root, std::int64_t first, std::int64_t last) {
  std::int64_t count = 0;
  const std::string text = file_text(root + "/proc/sys/net/ipv4/ip_local_reserved_ports");
  for (const std::string_view range : words_in(text, ",\n")) {
    const auto ends = words_in(range, "-");
    const auto from = number_in(ends.front()), to = number_in(ends.back());
    if (from && to)
      count += std::max(std::int64_t{0}, std::min(*to, last) - std::max(*from, first) + 1);
  }
  return count;
}

void read_network(const std::string& root, HostFacts& facts) {
  const std::string net = root + "/proc/sys/net/", tracking = net + "netfilter/nf_conntrack_";
  const std::string range = file_text(net + "ipv4/ip_local_port_range");
  if (const auto first = word_number(range, 0), last = word_number(range, 1); first && last)
    facts.ports =
        std::max(std::int64_t{0}, *last - *first + 1 - reserved_ports(root, *first, *last));
  facts.reuses_ports = int(file_number(net + "ipv4/tcp_tw_reuse").value_or(0));
  facts.tracked_max = file_number(tracking + "max");
  if (facts.tracked_max == 0) facts.tracked_max.reset();  // as the kernel takes it
  facts.tracked = file_number(tracking + "count").value_or(0);
  facts.tracked_after = 1s * file_number(tracking + "tcp_timeout_time_wait").value_or(0);
  facts.backlog = file_number(net + "core/somaxconn");
  facts.tcp_pages = file_number(net + "ipv4/tcp_mem", 2);
}

// "0-3,8": of /proc/self/status, as sched_getaffinity() has it.
std::int64_t cores_listed(std::string_view list) {
  std::int64_t count = 0;
  for (const std::string_view range : words_in(list, ", \t\n")) {
    const auto ends = words_in(range, "-");
    const auto from = number_in(ends.front()), to = number_in(ends.back());
    if (from && to) count += *to - *from + 1;
  }
  return std::max(std::int64_t{1}, count);
}

// RLIMIT_NPROC counts threads of all processes of the user.
std::int64_t tasks_of_user(const std::string& root, std::int64_t user) {
  std::int64_t count = 0;
  std::error_code gone;
  for (fs::directory_iterator at(root + "/proc", gone), end; at != end; at.increment(gone)) {
    if (!number_in(at->path().filename().string())) continue;
    const std::string status = file_text(at->path().string() + "/status");
    if (word_number(line_after(status, "Uid:"), 0) == user)
      count += word_number(line_after(status, "Threads:"), 0).value_or(0);
  }
  return count;
}

// capabilities(7): who has one of these is not held to RLIMIT_NPROC.
bool is_above_user_limits(std::string_view status) {
  std::uint64_t held = 0;
  for (const std::string_view word : words_in(line_after(status, "CapEff:")))
    std::from_chars(word.data(), word.data() + word.size(), held, 16);
  constexpr std::uint64_t sys_admin = 1ULL << 21, sys_resource = 1ULL << 24;
  return (held & (sys_admin | sys_resource)) != 0;
}

void bound_tasks(HostFacts& facts, Number left, TaskBound by) {
  if (!left || (facts.tasks && *facts.tasks <= *left)) return;
  facts.tasks = std::max(std::int64_t{0}, *left);
  facts.tasks_bound = by;
}

void read_tasks(const std::string& root, std::string_view status, HostFacts& facts) {
  const std::string load = file_text(root + "/proc/loadavg");  // "0.1 0.2 0.3 2/345 6789"
  const auto words = words_in(load);
  const auto ratio = words.size() > 3 ? words_in(words[3], "/") : words;
  const std::int64_t all = ratio.size() == 2 ? number_in(ratio[1]).value_or(0) : 0;
  for (const std::string name : {"pid_max", "threads-max"})
    if (const auto limit = file_number(root + "/proc/sys/kernel/" + name))
      bound_tasks(facts, *limit - all, TaskBound::kernel);
  const std::string limits = file_text(root + "/proc/self/limits");
  const auto limit = word_number(line_after(limits, "Max processes"), 0);
  const auto user = word_number(line_after(status, "Uid:"), 0);
  if (limit && user && !is_above_user_limits(status))
    bound_tasks(facts, *limit - tasks_of_user(root, *user), TaskBound::user);
}

}  // namespace

HostFacts read_host_facts(const std::string& root) {
  HostFacts facts;
  read_descriptors(root, facts);
  read_network(root, facts);
  const std::string status = file_text(root + "/proc/self/status");
  facts.cores = double(cores_listed(line_after(status, "Cpus_allowed_list:")));
  read_tasks(root, status, facts);
  const std::string memory = file_text(root + "/proc/meminfo");
  if (const auto kilobytes = word_number(line_after(memory, "MemAvailable:"), 0))
    facts.memory_bytes = *kilobytes * 1024;

  const CgroupFacts ours = read_cgroup_facts(root);
  if (ours.memory_bytes && (!facts.memory_bytes || *ours.memory_bytes < *facts.memory_bytes)) {
    facts.memory_bytes = ours.memory_bytes;
    facts.is_memory_of_cgroup = true;
  }
  if (ours.cores) facts.cores = std::min(facts.cores, *ours.cores);
  bound_tasks(facts, ours.tasks, TaskBound::cgroup);
  return facts;
}

std::int64_t raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
  const rlimit raised{files.rlim_max, files.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return std::int64_t(raised.rlim_cur);
  return std::int64_t(files.rlim_cur);
}

}  // namespace utakata::load
