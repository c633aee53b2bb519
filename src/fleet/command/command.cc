#include "fleet/command/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

extern char** environ;

namespace utakata {
namespace {

constexpr std::size_t kWordsMax = 200;

struct SpawnParts {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnParts() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnParts() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto line = text.rfind('\n');
  if (line != text.npos) text.remove_prefix(line + 1);
  return std::string(text.substr(0, kWordsMax));
}

std::string how_it_ended(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? fmt::format("ended with exit code {}", info.si_status)
                                    : fmt::format("was killed by signal {}", info.si_status);
}

}  // namespace

Command::Command(net::Loop& loop, const CommandOrder& order, Done done)
    : loop_(loop),
      line_((order.called.empty() ? order.line : order.called).substr(0, kWordsMax)),
      bytes_max_(order.bytes_max),
      done_(std::move(done)) {
  if (const auto started = start(order); !started) {
    deadline_ =
        loop_.after(Duration{0}, [this, what = started.error()] { finish(std::unexpected(what)); });
    return;
  }
  loop_.watch(out_.get(), EPOLLIN, [this](std::uint32_t) { read(out_, said_); });
  loop_.watch(err_.get(), EPOLLIN, [this](std::uint32_t) { read(err_, complained_); });
  loop_.watch(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { ended(); });
  deadline_ = loop_.after(order.deadline, [this, after = order.deadline] {
    finish(problem(Problem::Kind::timed_out,
                   fmt::format("`{}` did not end within {}", line_, to_text(after)), true));
  });
}

Command::~Command() { release(); }

Expected<void> Command::start(const CommandOrder& order) {
  const auto failed = [&](const char* what, int error) {
    return problem(
        Problem::Kind::unavailable,
        fmt::format("`{}` could not be started: {}: {}", line_, what, std::strerror(error)), true);
  };
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return failed("pipe", errno);
  out_.reset(out[0]);
  const net::Descriptor out_end(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return failed("pipe", errno);
  err_.reset(err[0]);
  const net::Descriptor err_end(err[1]);
  fcntl(out_.get(), F_SETFL, O_NONBLOCK);
  fcntl(err_.get(), F_SETFL, O_NONBLOCK);
  SpawnParts parts;
  posix_spawn_file_actions_addopen(&parts.files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&parts.files, out_end.get(), 1);
  posix_spawn_file_actions_adddup2(&parts.files, err_end.get(), 2);
  posix_spawn_file_actions_addchdir_np(&parts.files, order.folder.c_str());
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&parts.attributes, &none);
  posix_spawnattr_setsigdefault(&parts.attributes, &all);
  posix_spawnattr_setpgroup(&parts.attributes, 0);
  posix_spawnattr_setflags(&parts.attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const char* const arguments[] = {"sh", "-c", order.line.c_str(), nullptr};
  const int error = posix_spawn(&pid_, "/bin/sh", &parts.files, &parts.attributes,
                                const_cast<char* const*>(arguments), environ);
  if (error != 0) return pid_ = 0, failed("spawn", error);
  pidfd_.reset(int(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) return failed("pidfd", errno);
  return {};
}

bool Command::drain(net::Descriptor& pipe, std::string& into) {
  char bytes[16384];
  while (pipe) {
    const ssize_t n = ::read(pipe.get(), bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    if (into.size() <= bytes_max_) into.append(bytes, std::size_t(n));
  }
  return false;
}

void Command::read(net::Descriptor& pipe, std::string& into) {
  if (drain(pipe, into)) return;
  loop_.unwatch(pipe.get());
  pipe.reset();
}

void Command::ended() {
  siginfo_t info{};
  waitid(P_PIDFD, id_t(pidfd_.get()), &info, WEXITED | WNOWAIT);
  drain(out_, said_);
  drain(err_, complained_);
  const bool is_good = info.si_code == CLD_EXITED && info.si_status == 0;
  if (is_good && said_.size() <= bytes_max_) return finish(std::move(said_));
  std::string words = last_line(complained_);
  if (words.empty()) words = last_line(said_);
  finish(problem(Problem::Kind::refused,
                 is_good ? fmt::format("`{}` printed more than {} MB", line_, bytes_max_ >> 20)
                         : fmt::format("`{}` {}{}{}", line_, how_it_ended(info),
                                       words.empty() ? "" : "; it said: ", words)));
}

void Command::finish(Expected<std::string> result) {
  release();
  const Done done = std::move(done_);
  done(std::move(result));
}

// Who was just killed may take its time: it is never waited for.
static void reap(net::Loop& loop, pid_t pid) {
  siginfo_t info{};
  if (waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
    loop.after(100ms, [&loop, pid] { reap(loop, pid); });
}

// Its own pid is not reaped before the kill: the group is still its own.
void Command::release() {
  loop_.cancel(deadline_);
  for (auto* each : {&pidfd_, &out_, &err_})
    if (*each) loop_.unwatch(each->get());
  out_.reset(), err_.reset();
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    reap(loop_, std::exchange(pid_, 0));
  }
  pidfd_.reset();
}

}  // namespace utakata
