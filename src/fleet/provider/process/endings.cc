#include "fleet/provider/process/endings.h"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "fleet/provider/process/cgroups.h"

namespace utakata {
namespace {

constexpr Duration kill_patience{1s};
constexpr Duration retry_pause{10ms};

std::vector<Member> members_of(const std::string& cgroup) {
  std::vector<Member> members;
  for (const pid_t pid : Cgroups::members(cgroup)) {
    Descriptor pidfd = open_pidfd(pid);
    // Read once more: only who is a member while we hold its pidfd is surely the one we found.
    if (pidfd && (is_dead(pidfd) || !Cgroups::holds(cgroup, pid))) continue;
    members.push_back({.pid = pid, .stat = {}, .port = 0, .pidfd = std::move(pidfd)});
  }
  return members;
}

}  // namespace

Endings::Endings(net::Loop& loop, TreeSearch& search, Duration search_patience)
    : loop_(loop), search_(search), search_patience_(search_patience) {}

Endings::~Endings() {
  for (auto& [key, ending] : endings_) {
    for (const auto& pidfd : ending.dying) loop_.unwatch(pidfd.get());
    loop_.cancel(ending.patience);
    loop_.cancel(ending.pause);
  }
}

Endings::Ending* Endings::find(Key key) {
  const auto there = endings_.find(key);
  return there == endings_.end() ? nullptr : &there->second;
}

void Endings::begin(Doomed doomed) {
  const Key key = ++last_key_;
  endings_[key].doomed = std::move(doomed);
  wait_at_most(key, search_patience_);
  round(key);
}

void Endings::wait_at_most(Key key, Duration patience) {
  auto& ending = endings_.at(key);
  loop_.cancel(ending.patience);
  ending.patience = loop_.after(patience, [this, key] { tell(key); });
}

void Endings::tell(Key key) {
  auto* const ending = find(key);
  if (!ending || std::exchange(ending->told, true)) return;
  const auto told = ending->doomed.tell;
  told();
}

void Endings::round(Key key) {
  const auto& doomed = endings_.at(key).doomed;
  if (doomed.cgroup_holds_all) return strike(key, members_of(doomed.cgroup));
  search_.look_for({.id = doomed.id, .session = doomed.main, .session_started = doomed.started},
                   [this, key, alive = std::weak_ptr(alive_)](std::vector<Member> members) {
                     if (!alive.expired()) strike(key, std::move(members));
                   });
}

void Endings::strike(Key key, std::vector<Member> members) {
  auto& ending = endings_.at(key);
  if (members.empty() && !ending.doomed.cgroup_holds_all && !ending.doomed.cgroup.empty())
    members = members_of(ending.doomed.cgroup);
  if (members.empty()) {
    tell(key);
    loop_.cancel(ending.patience);
    const auto swept = std::move(ending.doomed.swept);
    endings_.erase(key);
    return swept();
  }
  if (!std::exchange(ending.struck, true) && !ending.told) wait_at_most(key, kill_patience);
  for (auto& member : members) {
    if (!member.pidfd) {  // out of descriptors: the second best way
      kill(member.pid, SIGKILL);
      continue;
    }
    send_signal(member.pidfd, SIGKILL);
    const int number = member.pidfd.get();
    ending.dying.push_back(std::move(member.pidfd));
    loop_.watch(number, EPOLLIN, [this, key, number](std::uint32_t) { died(key, number); });
  }
  if (!ending.dying.empty()) return;
  ending.pause = loop_.after(retry_pause, [this, key] { round(key); });
}

void Endings::died(Key key, int pidfd) {
  auto& ending = endings_.at(key);
  loop_.unwatch(pidfd);
  std::erase_if(ending.dying, [&](const Descriptor& one) { return one.get() == pidfd; });
  if (ending.dying.empty()) round(key);  // it may have started another just before
}

}  // namespace utakata
