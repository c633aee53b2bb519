#include "fleet/provider/process/installs.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "fleet/provider/process/logs.h"
#include "fleet/provider/process/proc.h"

namespace utakata {

Installs::Installs(net::Loop& loop, std::string folder) : loop_(loop), folder_(std::move(folder)) {}

Installs::~Installs() {
  for (auto& [mark, install] : running_) {
    loop_.unwatch(install.process.pidfd.get());
    kill(-install.process.handle.pid, SIGKILL);  // not reaped yet: the pid is still its own
  }
}

std::string Installs::mark_of(const LaunchSpec& spec) {
  return file_name(fmt::format("install-{}-{}", spec.cluster, spec.version));
}

std::string Installs::marker_of(const std::string& mark) const {
  return folder_ + "/installed/" + mark;
}

void Installs::want(const InstanceId& id, const LaunchSpec& spec, const Environment& env,
                    Done done) {
  const auto mark = mark_of(spec);
  std::error_code none;
  if (std::filesystem::exists(marker_of(mark), none)) return done({});
  if (const auto there = running_.find(mark); there != running_.end()) {
    there->second.waiting.push_back({id, std::move(done)});
    return;
  }
  start(mark, spec, env, {id, std::move(done)});
}

void Installs::start(const std::string& mark, const LaunchSpec& spec, const Environment& env,
                     Waiting first) {
  Environment own = env;
  assign(own, "UTAKATA_INSTANCE", mark);
  const auto log = fmt::format("{}/logs/{}.log", folder_, mark);
  auto process = spawn_gated({.run = spec.install,
                              .folder = spec.folder,
                              .env = std::move(own),
                              .log = log,
                              .cgroup = {},
                              .files_max = {}});
  if (!process) return first.done(std::unexpected(process.error()));
  open_gate(process->gate);
  const int pidfd = process->pidfd.get();
  auto& install = running_[mark];
  install.process = std::move(*process);
  install.command = spec.install;
  install.log = log;
  install.waiting.push_back(std::move(first));
  loop_.watch(pidfd, EPOLLIN, [this, mark](std::uint32_t) { ended(mark); });
}

void Installs::ended(std::string mark) {
  auto node = running_.extract(mark);
  Install& install = node.mapped();
  loop_.unwatch(install.process.pidfd.get());
  kill(-install.process.handle.pid,
       SIGKILL);  // what it left in the background; its own pid is not reaped yet
  const siginfo_t info = reap(install.process.pidfd).value_or(siginfo_t{});
  Expected<void> outcome;
  if (info.si_code == CLD_EXITED && info.si_status == 0) {
    std::ofstream{marker_of(mark)} << install.command << '\n';
  } else {
    const auto said = last_words(install.log);
    outcome = problem(Problem::Kind::invalid,
                      fmt::format("process: install `{}` failed with {}{}{}; its output is in {}.",
                                  install.command, exit_text(info),
                                  said.empty() ? "" : "; it said: ", said, install.log));
  }
  for (auto& one : install.waiting) one.done(outcome);
}

void Installs::forget(const InstanceId& id) {
  for (auto& [mark, install] : running_) {
    if (std::erase_if(install.waiting, [&](const Waiting& one) { return one.id == id; }) == 0)
      continue;
    if (install.waiting.empty()) kill(-install.process.handle.pid, SIGKILL);
    return;
  }
}

}  // namespace utakata
