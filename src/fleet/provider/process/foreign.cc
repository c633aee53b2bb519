#include "fleet/provider/process/foreign.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <vector>

#include "fleet/provider/process/proc.h"

namespace utakata {
namespace {

std::string link_of(pid_t pid, const char* name) {
  char text[PATH_MAX];
  const ssize_t length = readlink(fmt::format("/proc/{}/{}", pid, name).c_str(), text, sizeof text);
  return length > 0 ? std::string(text, std::size_t(length)) : std::string();
}

// One line a socket: "0: 0100007F:0BB8 00000000:0000 0A ...", state 0A listens, the tenth word is
// the inode.
void add_listeners(const std::string& path, const std::vector<std::uint64_t>& inodes,
                   std::set<std::uint16_t>& ports) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, skipped;
    std::uint64_t inode = 0;
    words >> number >> local >> remote >> state;
    for (int i = 0; i < 5; ++i) words >> skipped;
    const auto colon = local.rfind(':');
    if (state != "0A" || !(words >> inode) || colon == local.npos) continue;
    if (std::ranges::find(inodes, inode) != inodes.end())
      ports.insert(std::uint16_t(std::stoul(local.substr(colon + 1), nullptr, 16)));
  }
}

std::unexpected<Problem> refused(pid_t pid, const char* why) {
  return problem(Problem::Kind::refused, fmt::format("process {} {}", pid, why));
}

Expected<void> must_be_for_us(pid_t pid, const ProcessStat& stat) {
  if (stat.is_kernels) return refused(pid, "is a thread of the kernel: it is no server");
  if (is_ancestor(pid, getpid()))
    return refused(pid, "is this controller itself, or has started it: name the server's own");
  struct stat about{};
  if (::stat(fmt::format("/proc/{}", pid).c_str(), &about) != 0 || about.st_uid != geteuid())
    return refused(pid,
                   "is another user's: run the controller as that user, or start the server as "
                   "the controller's");
  for (const char* const kind : {"ns/pid", "ns/net"})
    if (link_of(pid, kind) != link_of(getpid(), kind))
      return refused(pid,
                     "is in a container, or has a network of its own: with `provider: docker` "
                     "adopt it by --label");
  if (const auto marks = read_marks(pid))
    return problem(Problem::Kind::conflict,
                   fmt::format("process {} is of {}, an instance of Utakata's already: adopt only "
                               "what others started",
                               pid, marks->instance));
  return {};
}

}  // namespace

bool is_ancestor(pid_t ancestor, pid_t pid) {
  for (; pid > 0; pid = read_stat(pid).value_or(ProcessStat{}).parent)
    if (pid == ancestor) return true;
  return false;
}

std::set<std::uint16_t> ports_listened_on(pid_t pid) {
  std::vector<std::uint64_t> inodes;
  for (const pid_t one : descendants_of(pid))
    std::ranges::copy(socket_inodes_of(one), std::back_inserter(inodes));
  std::set<std::uint16_t> ports;
  for (const char* const family : {"tcp", "tcp6"})
    add_listeners(fmt::format("/proc/{}/net/{}", pid, family), inodes, ports);
  return ports;
}

Expected<ForeignProcess> look_at_foreign(pid_t pid, std::uint16_t port) {
  if (pid <= 1) return refused(pid, "cannot be adopted: name the server's own");
  const auto stat = read_stat(pid);
  if (!stat || !is_alive(*stat))
    return problem(Problem::Kind::not_found,
                   fmt::format("there is no process {} on this host: is it another's, or has it "
                               "ended?",
                               pid));
  if (auto ours = must_be_for_us(pid, *stat); !ours) return std::unexpected(ours.error());
  const auto ports = ports_listened_on(pid);
  if (ports.empty())
    return problem(Problem::Kind::invalid,
                   fmt::format("process {} listens on no port: name the one that does", pid));
  if (port ? !ports.contains(port) : ports.size() > 1)
    return problem(Problem::Kind::invalid,
                   fmt::format("process {} listens on {}: name one of them by --port", pid,
                               fmt::join(ports, ", ")));
  return ForeignProcess{{pid, stat->started, boot_mark()}, port ? port : *ports.begin()};
}

}  // namespace utakata
