#include "net/timer_queue.h"

#include <algorithm>

namespace utakata::net {

TimerQueue::Id TimerQueue::add(Instant due, Duration period, std::function<void()> work) {
  if (running_)
    due = std::max(due, *running_ + 1ns);  // else a timer that sets itself anew never ends
  const Id id = ++last_;
  timers_.emplace(std::pair{due, id}, Timer{period, std::move(work)});
  due_.emplace(id, due);
  return id;
}

void TimerQueue::cancel(Id id) {
  const auto found = due_.find(id);
  if (found == due_.end()) return;
  timers_.erase({found->second, id});
  due_.erase(found);
}

std::optional<Instant> TimerQueue::next() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void TimerQueue::run_due(Instant now) {
  running_ = now;
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    const auto [due, id] = node.key();
    if (node.mapped().period <= 0ns) {
      due_.erase(id);
      node.mapped().work();
      continue;
    }
    node.mapped().work();  // outside of the map: it may cancel itself
    const auto still = due_.find(id);
    if (still == due_.end()) continue;
    const auto missed = (now - due) / node.mapped().period;
    node.key() = {due + (missed + 1) * node.mapped().period, id};
    still->second = node.key().first;
    timers_.insert(std::move(node));
  }
  running_.reset();
}

}  // namespace utakata::net
