#include "realtime/host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace utakata::realtime {
namespace {

std::unexpected<Problem> failed(const char* doing, int error) {
  return problem(Problem::Kind::unavailable,
                 fmt::format("workers: cannot {}: {}.", doing, std::strerror(error)), true);
}

// In the child, where only calls are allowed that a signal handler may make.
[[noreturn]] void become(char* const* argv, int link, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it went before we could ask
  setpgid(0, 0);
  if (dup2(link, link_in_child) < 0) _exit(127);
  syscall(SYS_close_range, unsigned(link_in_child + 1), ~0u,
          0u);  // where it is unknown, all of ours are closed by exec anyway
  // Ours must not run here: libuv's would write into the pipe of our parent's loop. All are blocked
  // until now.
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number <= SIGRTMAX; ++number) sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

Expected<WorkerProcess> start_process(const std::vector<std::string>& argv,
                                      const net::Descriptor& link) {
  // Away from link_in_child: dup2() onto itself would leave it to be closed by exec.
  const net::Descriptor lifted{fcntl(link.get(), F_DUPFD_CLOEXEC, 10)};
  if (!lifted) return failed("give a worker its link", errno);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  sigset_t all, before;
  sigfillset(&all);
  const pid_t us = getpid();
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) become(words.data(), lifted.get(), us);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return failed("fork", error);
  WorkerProcess process{.pid = pid, .pidfd = net::Descriptor{int(syscall(SYS_pidfd_open, pid, 0))}};
  if (!process.pidfd) {
    const int why = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failed("watch a worker", why);
  }
  return process;
}

void send_signal(const WorkerProcess& process, int number) {
  if (process.pidfd) syscall(SYS_pidfd_send_signal, process.pidfd.get(), number, nullptr, 0);
}

std::string reap(const WorkerProcess& process) {
  siginfo_t info{};
  while (waitid(P_PIDFD, id_t(process.pidfd.get()), &info, WEXITED) != 0)
    if (errno != EINTR) return "ended; another took its exit code";
  if (info.si_code == CLD_EXITED) return fmt::format("exit code {}", info.si_status);
  const char* const name = sigabbrev_np(info.si_status);
  return fmt::format("killed by signal {} (SIG{})", info.si_status, name ? name : "?");
}

}  // namespace utakata::realtime
