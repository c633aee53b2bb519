#include "fleet/provider/process/search.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace utakata {
namespace {

// One millisecond apart: an execve takes well under one, unless the host is so busy that it must
// wait its turn.
constexpr int looks_at_blank_ones = 5;

bool session_is_anothers(const TreeSearch::Wanted& wanted) {
  const auto leader = read_stat(wanted.session);
  return leader && leader->started != wanted.session_started;
}

}  // namespace

TreeSearch::TreeSearch(net::Loop& loop, std::string fleet_id,
                       std::function<bool(pid_t)> is_innocent, Duration slice)
    : loop_(loop),
      fleet_id_(std::move(fleet_id)),
      is_innocent_(std::move(is_innocent)),
      slice_(slice) {}

void TreeSearch::look_for(Wanted wanted, Found found) {
  const bool is_first = waiting_.empty();
  waiting_.push_back({std::move(wanted), std::move(found), {}});
  if (!is_first || walk_)
    return;  // who asks during a walk is served by the next one: it may have passed his already
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) begin();
  });
}

void TreeSearch::begin() {
  if (walk_ || waiting_.empty()) return;  // begun already: `found` may ask again, and posts then
  running_ = std::exchange(waiting_, {});
  for (auto& request : running_)
    if (session_is_anothers(request.wanted)) request.wanted.session = 0;
  walk_ = std::make_unique<ProcWalk>();
  looks_left_ = looks_at_blank_ones;
  slice();
}

void TreeSearch::slice() {
  const auto again = [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) slice();
  };
  if (!walk_->step(slice_, [this](pid_t pid) { see(pid); })) return loop_.post(again);
  finish();
}

void TreeSearch::finish() {
  if (!blank_.empty() && looks_left_-- > 0) {
    look_again_ = loop_.after(1ms, [this] {
      for (const pid_t pid : std::exchange(blank_, {})) see(pid);
      finish();
    });
    return;
  }
  blank_.clear();
  walk_.reset();
  for (auto& request : std::exchange(running_, {})) request.found(std::move(request.members));
  begin();
}

TreeSearch::Request* TreeSearch::owner_of(pid_t pid, std::uint16_t& port, bool& is_blank) {
  const pid_t session = getsid(pid);
  for (auto& request : running_)
    if (session > 1 && request.wanted.session == session) return &request;
  const auto marks = read_marks(pid, &is_blank);
  if (!marks || marks->fleet != fleet_id_) return nullptr;
  port = marks->port;
  for (auto& request : running_)
    if (request.wanted.id.text == marks->instance) return &request;
  return nullptr;
}

void TreeSearch::see(pid_t pid) {
  if (is_innocent_(pid)) return;
  std::uint16_t port = 0;
  bool is_blank = false;
  Request* owner = owner_of(pid, port, is_blank);
  if (!owner && !is_blank) return;
  Descriptor pidfd = owner ? open_pidfd(pid) : Descriptor{};
  if (owner)
    owner = owner_of(pid, port, is_blank);  // once more: the pid may have changed hands in between
  const auto stat = read_stat(pid);
  if (!stat || !is_alive(*stat) || stat->is_kernels) return;
  if (owner)
    owner->members.push_back({.pid = pid, .stat = *stat, .port = port, .pidfd = std::move(pidfd)});
  else if (is_blank)
    blank_.push_back(pid);
}

std::vector<TreeSearch::Marked> TreeSearch::all_marked() const {
  std::vector<Marked> all;
  ProcWalk{}.step(Duration::max() / 2, [&](pid_t pid) {
    const auto once = read_marks(pid);
    if (!once || once->fleet != fleet_id_) return;
    Descriptor pidfd = open_pidfd(pid);
    const auto marks = read_marks(pid);
    const auto stat = read_stat(pid);
    if (!marks || marks->fleet != fleet_id_ || !stat || !is_alive(*stat)) return;
    all.push_back({marks->instance,
                   {.pid = pid, .stat = *stat, .port = marks->port, .pidfd = std::move(pidfd)}});
  });
  return all;
}

}  // namespace utakata
