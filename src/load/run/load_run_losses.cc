// What becomes of a run whose workers die, are stuck, or are lost with their host.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "load/run/load_run.h"

namespace utakata::load {

void LoadRun::gone(std::size_t number, const WorkerEnd& how) {
  Member& member = members_[number];
  if (!how.lost.empty()) return lost(*member.crew, how.lost);
  member.is_gone = true;
  dog_.forget(number);
  if (phase_ == Phase::ended) return;
  const std::string by = how.signal != 0
                             ? fmt::format("by signal {} ({})", how.signal, strsignal(how.signal))
                             : fmt::format("with exit code {}", how.status);
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    return end(problem(Problem::Kind::unavailable,
                       fmt::format("{} ended {} before the run began; what it printed says why.\n",
                                   member.name, by)));
  const std::string what = fmt::format(
      "{} {}", member.name,
      member.stuck.empty() ? "ended " + by : fmt::format("{}, and was ended", member.stuck));
  if (member.has_stopped) {
    report_.notes.push_back(what + (member.runs_users ? " when all users were done."
                                                      : ": it ran setup(), and no users."));
  } else {
    report_.notes.push_back(
        fmt::format("{} after {:.0f} s: its {}users are missing from then on.", what, seconds_in(),
                    member.has_ticked ? fmt::format("{} ", member.last.users) : std::string()));
    watch_.lost(std::int64_t(number));
    if (broken_.empty()) broken_ = what;
  }
  if (phase_ == Phase::tearing_down && member.tears_down) return end({});
  go_on_without();
}

// Of the scenario's own fault nobody is spared; a worker that is stopped is one that is lost.
void LoadRun::stuck(std::size_t number, const Stuck& how) {
  if (phase_ == Phase::ended) return;
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    return end(problem(how.is_loop ? Problem::Kind::invalid : Problem::Kind::unavailable,
                       fmt::format("{}: it {}\n", options_.file, how.why)));
  members_[number].stuck = how.why;
  members_[number].worker->kill(SIGKILL);
  if (how.is_loop) stop(LoadEnd::broken);
}

// An agent, and all its workers at once. How many users it had is known from the last second.
void LoadRun::lost(const Crew& crew, const std::string& why) {
  std::int64_t users = 0;
  bool is_known = true, has_told = false;
  for (std::size_t k = 0; k < members_.size(); ++k) {
    Member& member = members_[k];
    if (member.crew != &crew || std::exchange(member.is_gone, true)) continue;
    dog_.forget(k);
    is_known = false;
    has_told |= member.has_ticked;
    users += member.last.users;
  }
  if (is_known || phase_ == Phase::ended) return;
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    report_.notes.push_back(fmt::format(
        "Agent {} was lost before the run began ({}): the others have its share of the users.",
        crew.name(), why));
  else
    report_.notes.push_back(
        fmt::format("Agent {} was lost after {:.0f} s ({}): its {}users are missing from then on.",
                    crew.name(), seconds_in(), why, has_told ? fmt::format("{} ", users) : ""));
  if (!is_anybody_left() && phase_ == Phase::running)
    all_lost_ = fmt::format("All agents were lost after {:.0f} s: nothing was done from then on.",
                            seconds_in());
  go_on_without();
}

// Somebody is gone, who may have been the one the others waited for.
void LoadRun::go_on_without() {
  const bool has_begun = phase_ != Phase::loading && phase_ != Phase::setting_up;
  if (!has_begun && !is_anybody_left())
    return end(problem(Problem::Kind::unavailable, "all agents were lost before the run began.\n"));
  if (phase_ == Phase::loading && all(&Member::is_loaded)) return set_up();
  if (phase_ == Phase::running && all(&Member::is_over)) return stop(LoadEnd::done);
  if (phase_ == Phase::stopping && all(&Member::has_stopped)) return tear_down();
}

}  // namespace utakata::load
