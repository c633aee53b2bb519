#include "fleet/provider/process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "fleet/provider/process/proc.h"

namespace utakata {
namespace {

// $0 marks a process that still waits. $1 is the user's text, $2 the cgroup's list of processes, $3
// the text's first word if it is a single command. The shell itself joins: moving a process between
// cgroups may wait for tens of milliseconds in the kernel, and that is not our loop's time. A
// single command that is a program, not a word of the shell's own, takes the shell's place, so that
// the pid that `ps` shows and signals go to is the program's: dash does not do that by itself.
constexpr const char* gate_name = "utakata-gate";
constexpr const char* gate_script =
    R"({ [ -z "$2" ] || echo 0 >"$2"; } 2>/dev/null
IFS= read -r UTAKATA_GATE <&3 || exit 0
unset UTAKATA_GATE
exec 3<&-
[ -z "$3" ] || case $(command -v "$3") in */*) exec /bin/sh -c "exec $1" ;; esac
exec /bin/sh -c "$1")";
constexpr int gate_in_child = 3;

std::unexpected<Problem> failed(std::string_view doing, int error) {
  const bool passes = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
                      error == ENOSPC || error == EDQUOT;
  std::string why = strerror(error);
  if (error == EAGAIN) why = "the process table, or this user's share of it, is full";
  if (error == EMFILE) why = "this process has used up its file descriptors (ulimit -n)";
  return problem(passes ? Problem::Kind::unavailable : Problem::Kind::invalid,
                 fmt::format("process: cannot {}: {}.", doing, why), passes);
}

// Away from 0..3, which the child fills itself.
Descriptor lifted(Descriptor low) {
  return low ? Descriptor{fcntl(low.get(), F_DUPFD_CLOEXEC, 10)} : std::move(low);
}

class SpawnSettings {
 public:
  SpawnSettings(const SpawnOrder& order, int log, int gate) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, log, 1);
    posix_spawn_file_actions_adddup2(&actions, log, 2);
    posix_spawn_file_actions_adddup2(&actions, gate, gate_in_child);
    posix_spawn_file_actions_addclosefrom_np(&actions, gate_in_child + 1);
    posix_spawn_file_actions_addchdir_np(&actions, order.folder.c_str());
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// The first word of a text that is one command and nothing else; empty: more than that, which only
// a shell can do.
std::string single_command(const std::string& run) {
  if (run.find_first_of(";|&<>()`\n{}") != run.npos) return {};
  const auto begin = run.find_first_not_of(" \t");
  if (begin == run.npos) return {};
  const auto first = run.substr(begin, run.find_first_of(" \t", begin) - begin);
  return first.find_first_of("=\"'$\\~*?[#") == first.npos ? first : std::string{};
}

Expected<pid_t> spawn(const SpawnOrder& order, int log, int gate) {
  const SpawnSettings settings{order, log, gate};
  std::vector<std::string> lines;
  for (const auto& [name, value] : order.env) lines.push_back(name + "=" + value);
  std::vector<char*> env;
  for (auto& line : lines) env.push_back(line.data());
  env.push_back(nullptr);
  std::string join = order.cgroup.empty() ? "" : order.cgroup + "/cgroup.procs";
  std::array<std::string, 7> words{
      "/bin/sh", "-c", gate_script, gate_name, order.run, join, single_command(order.run)};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/bin/sh", &settings.actions, &settings.attributes,
                                arguments.data(), env.data());
  if (error) return failed(fmt::format("start /bin/sh in {}", order.folder), error);
  return pid;
}

// The limit is set from outside while the child waits. Lowering is always allowed; raising above
// our own hard limit is not, whoever we are, in some containers.
std::optional<std::int64_t> limit_files(pid_t pid, std::int64_t files) {
  const auto asked = rlim_t(files);
  const rlimit wanted{.rlim_cur = asked, .rlim_max = asked};
  if (prlimit(pid, RLIMIT_NOFILE, &wanted, nullptr) == 0) return std::nullopt;
  rlimit present{};
  prlimit(pid, RLIMIT_NOFILE, nullptr, &present);
  present.rlim_cur = std::min(asked, present.rlim_max);
  prlimit(pid, RLIMIT_NOFILE, &present, nullptr);
  return std::int64_t(present.rlim_cur);
}

bool is_ours_alone(std::string_view name) {
  constexpr std::string_view systemd[] = {"NOTIFY_SOCKET",  "LISTEN_FDS",    "LISTEN_PID",
                                          "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"};
  return name.starts_with("UTAKATA_") || std::ranges::find(systemd, name) != std::end(systemd);
}

}  // namespace

Expected<Spawned> spawn_gated(const SpawnOrder& order) {
  const Descriptor log =
      lifted(Descriptor{open(order.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)});
  if (!log) return failed(fmt::format("open the log {}", order.log), errno);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return failed("make a gate", errno);
  Descriptor ours{ends[0]};
  const Descriptor theirs = lifted(Descriptor{ends[1]});
  if (!theirs) return failed("make a gate", errno);
  const auto pid = spawn(order, log.get(), theirs.get());
  if (!pid) return std::unexpected(pid.error());
  Descriptor pidfd = open_pidfd(*pid);
  const int error = errno;
  const auto stat = read_stat(*pid);
  if (!pidfd || !stat) {  // it waits at the gate: nothing of the user's is lost
    kill(*pid, SIGKILL);
    waitpid(*pid, nullptr, 0);
    return failed("watch a new process", pidfd ? EMFILE : error);
  }
  const auto clamped = order.files_max ? limit_files(*pid, *order.files_max) : std::nullopt;
  return Spawned{.handle = {.pid = *pid, .started = stat->started, .boot = boot_mark()},
                 .pidfd = std::move(pidfd),
                 .gate = std::move(ours),
                 .files_clamped = clamped};
}

void open_gate(Descriptor& gate) {
  // MSG_NOSIGNAL: it may have been killed meanwhile, which its pidfd tells.
  [[maybe_unused]] const auto sent = send(gate.get(), "\n", 1, MSG_NOSIGNAL);
  gate.reset();
}

bool waits_at_gate(pid_t pid) {
  const auto words = read_command(pid);
  return words.size() > 3 && words[3] == gate_name;
}

Environment inherited_environment(const std::vector<std::string>& hidden) {
  Environment env;
  for (char** line = environ; line && *line; ++line) {
    const std::string_view text{*line};
    const auto equals = text.find('=');
    if (equals == text.npos || equals == 0) continue;
    const auto name = text.substr(0, equals);
    if (is_ours_alone(name) || std::ranges::find(hidden, name) != hidden.end()) continue;
    env.emplace_back(name, text.substr(equals + 1));
  }
  return env;
}

void assign(Environment& env, const std::string& name, std::string value) {
  const auto there = std::ranges::find(env, name, &Environment::value_type::first);
  if (there == env.end())
    env.emplace_back(name, std::move(value));
  else
    there->second = std::move(value);
}

std::optional<siginfo_t> reap(const Descriptor& pidfd) {
  siginfo_t info{};
  const bool asked = waitid(P_PIDFD, id_t(pidfd.get()), &info, WEXITED | WNOHANG) == 0;
  return asked && info.si_pid != 0 ? std::optional(info) : std::nullopt;
}

bool awaits_reaping(const Descriptor& pidfd) {
  siginfo_t info{};
  return waitid(P_PIDFD, id_t(pidfd.get()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

std::string exit_text(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) {
    auto text = fmt::format("exit code {}", info.si_status);
    if (info.si_status == 126) text += ": the command is not executable";
    if (info.si_status == 127) text += ": the command was not found";
    return text;
  }
  const char* name = sigabbrev_np(info.si_status);
  return fmt::format("killed by signal {} (SIG{})", info.si_status, name ? name : "?");
}

}  // namespace utakata
