// ProcessProvider: stop(), and what a death says.
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "fleet/provider/process/process_state.h"

namespace utakata {

Expected<void> ProcessProvider::State::stop(const InstanceId& id, Duration grace) {
  auto* const one = find(id);
  if (!one) return {};
  const bool is_first = !std::exchange(one->stop_asked, true);
  switch (one->phase) {
    case ProcessPhase::installing:
      installs.forget(id);
      end(id, "stopped before it was started");
      break;
    case ProcessPhase::gated:
      kill_now(*one);
      break;
    case ProcessPhase::running:
      if (is_first || clock.now() + grace < one->kill_at) terminate(id, *one, grace);
      break;
    case ProcessPhase::searching:  // what is found will be killed
    case ProcessPhase::ending:
      break;
  }
  return {};
}

void ProcessProvider::State::terminate(const InstanceId& id, OwnProcess& one, Duration grace) {
  loop.cancel(one.kill_timer);
  if (grace <= Duration{0}) return kill_now(one);
  one.kill_at = clock.now() + grace;
  if (one.is_unmarked) note_descendants(one);
  if (!is_dead(one.pidfd)) {
    // A stopped process would hear of it only when it is continued.
    const bool leads = getpgid(one.handle.pid) == one.handle.pid;
    for (const int number : {SIGTERM, SIGCONT}) {
      if (leads) kill(-one.handle.pid, number);
      if (!leads) send_signal(one.pidfd, number);
      for (const Descriptor& other : one.descendants) send_signal(other, number);
    }
  }
  one.kill_timer = loop.after(grace, [this, id] {
    if (auto* const late = find(id); late && late->phase == ProcessPhase::running) kill_now(*late);
  });
}

void ProcessProvider::State::kill_now(OwnProcess& one) {
  one.kill_sent = true;
  if (one.is_unmarked) note_descendants(one);
  send_signal(one.pidfd, SIGKILL);  // its death brings the rest of the tree to its end
}

// Those that its group does not reach. Looked for twice: who is its descendant after the descriptor
// was opened is the one that the descriptor is of.
void ProcessProvider::State::note_descendants(OwnProcess& one) {
  const pid_t main = one.handle.pid;
  const bool leads = getpgid(main) == main;
  std::vector<std::pair<pid_t, Descriptor>> seen;
  for (const pid_t pid : descendants_of(main))
    if (pid != main && !(leads && getpgid(pid) == main)) seen.emplace_back(pid, open_pidfd(pid));
  const auto still = descendants_of(main);
  for (auto& [pid, descriptor] : seen)
    if (descriptor && std::ranges::find(still, pid) != still.end())
      one.descendants.push_back(std::move(descriptor));
}

void ProcessProvider::State::watch(const InstanceId& id) {
  const auto& one = own.at(id);
  mains.emplace(one.handle.pid, id);
  loop.watch(one.pidfd.get(), EPOLLIN, [this, id](std::uint32_t) { main_died(id); });
}

void ProcessProvider::State::main_died(InstanceId id) {
  auto& one = own.at(id);
  loop.unwatch(one.pidfd.get());
  mains.erase(one.handle.pid);
  loop.cancel(one.kill_timer);
  loop.cancel(one.cgroup_timer);
  for (const Descriptor& other : std::exchange(one.descendants, {})) send_signal(other, SIGKILL);
  if (awaits_reaping(one.pidfd))
    kill(-one.handle.pid, SIGKILL);  // its group; the number is still its own
  auto text = end_of(id, one, reap(one.pidfd));
  one.gate.reset();
  one.pidfd.reset();
  end(id, std::move(text));
}

std::string ProcessProvider::State::end_of(const InstanceId& id, OwnProcess& one,
                                           const std::optional<siginfo_t>& info) const {
  if (one.phase == ProcessPhase::gated)
    return one.stop_asked ? "stopped before it was released" : "ended before it was released";
  if (!info && one.is_unmarked)
    return "ended; its exit code is unknown, because it is no child of this controller";
  if (!info)
    return "ended; its exit code is unknown, because it was started by an earlier life of the "
           "controller";
  auto text = exit_text(*info);
  const bool was_killed = info->si_code != CLD_EXITED && info->si_status == SIGKILL;
  if (was_killed && one.kill_sent)
    return text + ", because it did not end by itself within its grace";
  if (was_killed && one.memory_max && Cgroups::was_out_of_memory(one.cgroup))
    return text +
           fmt::format(", because it used more memory than its limit of {} bytes", *one.memory_max);
  if (one.stop_asked || (info->si_code == CLD_EXITED && info->si_status == 0)) return text;
  const auto said = last_words(log_of(id));
  return said.empty() ? text : text + "; it said: " + said;
}

void ProcessProvider::State::end(const InstanceId& id, std::string text) {
  auto& one = own.at(id);
  const bool has_processes = one.phase != ProcessPhase::installing;
  one.phase = ProcessPhase::ending;
  one.end_text = std::move(text);
  const auto told = [this, id] {
    tell({.kind = ProviderNews::Kind::gone,
          .id = id,
          .handle = own.at(id).handle.pid > 0 ? to_text(own.at(id).handle) : std::string(),
          .address = {},
          .what = own.at(id).end_text});
  };
  const auto swept = [this, id] {
    const auto node = own.extract(id);
    if (node.mapped().port) ports.give_back(node.mapped().port);
    if (!node.mapped().cgroup.empty()) stale_cgroups.push_back(node.mapped().cgroup);
    remove_stale_cgroups(20);
    keep_log_for_a_while(id);
  };
  if (!has_processes) {
    told();
    return swept();
  }
  endings.begin({.id = id,
                 .main = one.handle.pid,
                 .started = one.handle.started,
                 .cgroup = one.cgroup,
                 .cgroup_holds_all = one.in_cgroup,
                 .tell = told,
                 .swept = swept});
}

}  // namespace utakata
