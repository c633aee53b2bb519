#include "load/watchdog/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>
#include <vector>

namespace utakata::load {
namespace {

constexpr std::array<std::string_view, 5> kOfDebuggers = {
    "Debugger listening on ", "For help, see: ", "Debugger attached.", "Debugger ending on ",
    "Waiting for the debugger to disconnect"};

}  // namespace

Watchdog::Watchdog(net::Loop& loop, std::string ours, Patience patience, Calls calls)
    : loop_(loop),
      patience_(patience),
      calls_(std::move(calls)),
      finder_(loop, std::move(ours)),
      timer_(loop.every(patience.turn, [this] { turn(); })) {}

Watchdog::~Watchdog() { loop_.cancel(timer_); }

void Watchdog::watch(std::size_t worker, bool is_here) { watched_[worker] = {.is_here = is_here}; }

void Watchdog::heard(std::size_t worker) {
  const auto found = watched_.find(worker);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  watched.silent = {};
  watched.because.clear();
  if (watched.search) finder_.cancel(*std::exchange(watched.search, std::nullopt));
}

bool Watchdog::printed(std::size_t worker, std::string_view line) {
  if (!asked_.contains(worker)) return false;
  const auto found = watched_.find(worker);
  if (auto url = debugger_url(line); url && found != watched_.end()) {
    found->second.url = std::move(*url);
    if (found->second.silent >= patience_.patience) search(worker, found->second);
  }
  return std::ranges::any_of(kOfDebuggers,
                             [&](std::string_view start) { return line.starts_with(start); });
}

void Watchdog::forget(std::size_t worker) {
  heard(worker);
  watched_.erase(worker);
}

void Watchdog::turn() {
  std::vector<std::pair<std::size_t, std::string>> stuck;
  for (auto& [worker, watched] : watched_) {
    watched.silent += patience_.turn;
    if (watched.silent >= patience_.gives_up_after) {
      stuck.emplace_back(worker,
                         fmt::format("said nothing for {:.0f} s{}{}", to_seconds(watched.silent),
                                     watched.because.empty() ? "" : ": ", watched.because));
    } else if (watched.silent >= patience_.patience && watched.is_here) {
      if (asked_.insert(worker).second) calls_.signal(worker, SIGUSR1);
      if (!watched.url.empty() && !watched.search) search(worker, watched);
    }
  }
  for (const auto& [worker, why] : stuck) {
    forget(worker);
    calls_.stuck(worker, {.why = why});
  }
}

void Watchdog::search(std::size_t worker, Watched& watched) {
  watched.search =
      finder_.find(watched.url, [this, worker](const auto& place) { found(worker, place); });
}

void Watchdog::found(std::size_t worker, const Expected<CodePlace>& place) {
  const auto known = watched_.find(worker);
  if (known == watched_.end()) return;
  known->second.search.reset();
  if (!place) {
    known->second.because = place.error().what;
    return;
  }
  forget(worker);
  calls_.stuck(worker, {fmt::format("loops for ever at {}", to_text(*place)), true});
}

}  // namespace utakata::load
