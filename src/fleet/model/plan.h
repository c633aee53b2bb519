// What the planner answers: actions to record and do, and everything that led to them, for
// `explain`.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "fleet/model/ids.h"
#include "fleet/model/instance.h"

namespace utakata {

// One rule's opinion in one tick. No `want`: no opinion, which changes nothing.
struct Proposal {
  std::string rule;
  std::optional<int> want;
  std::string
      because;  // "1,240 connections + 12 held + 30 % headroom need 4 of 500"; of silence: why
  bool operator==(const Proposal&) const = default;
};

// The arbiter's answer.
struct Want {
  int instances = 0;
  std::string winner;  // the rule whose proposal it is: "min", "headroom", "by hand", ...
  std::string because;
  std::string
      limited_by;  // "max 20", "settle 10m: 6 were wanted 3m ago", "step 25 %"; empty: nothing
  bool operator==(const Want&) const = default;
};

struct LaunchAction {
  InstanceId id;
  std::string because;
  std::optional<InstanceId> substitute_for;
  std::string host{}, zone{};  // where it is to run; empty: wherever the provider likes
};
struct DrainAction {
  InstanceId id;
  DrainCause cause = DrainCause::scale_in;
  std::optional<Duration> deadline;
  std::string because;
};
// By an operator: from now on it counts as of another version, so that the roll-out starts a new
// one beside it and lets it go, drained, when that serves.
struct ReplaceAction {
  InstanceId id;
  std::string because;
};
struct ResumeAction {
  InstanceId id;
  std::string because;
};
struct StopAction {  // final once recorded
  InstanceId id;
  std::string because;
  int cut = 0;  // clients it had by the last count; 0 is promised for scaling and rollouts without
                // a deadline
  bool certain = true;  // false: condemned by silence, nobody could count
};
// Clients are asked to go elsewhere, `pace` a second: all of a draining instance, `most` of a
// serving one.
struct CloseAction {
  InstanceId id;
  double pace = 0;
  int most = 0;
  std::string because;
};
struct SuspectAction {  // leaves placement; nothing is killed
  InstanceId id;
  std::string because;
};
struct TrustAction {  // back from suspicion
  InstanceId id;
  std::string because;
};
struct AdoptAction {  // by an operator: what somebody else started becomes an instance
  InstanceId id;
  std::string because;
  std::string handle;
  Address address;
};
using Action = std::variant<LaunchAction, DrainAction, ReplaceAction, ResumeAction, CloseAction,
                            StopAction, SuspectAction, TrustAction, AdoptAction>;

// How a planned show stands.
struct ShowState {
  enum class Phase { before, preparing, ready, on_air, over };
  std::string show;
  Phase phase = Phase::before;
  std::string line;  // "go: 300 of 300 serve", "no go: 298 of 300 serve, 2 failed: exit code 1"
  bool is_go = false;
  std::int64_t need = 0;  // instances
  WallTime begins{};      // of the one meant; of one that is over: the epoch
  bool operator==(const ShowState&) const = default;
};
const char* to_text(ShowState::Phase phase);

struct Plan {
  std::vector<Action> actions;
  std::vector<Proposal> proposals;
  Want want;
  std::string held_back;  // what kept the fleet from the want in this tick: "total_max 6: 2 are
                          // draining", "back-off 8s"
  bool braked = false;    // promise 7's brake is on
  std::vector<Action> withheld;  // what the stack's `powers` do not allow: said, and not done
  std::vector<ShowState> shows;
  std::string frozen;  // by a show on air: "show final is on air until 23:00 Asia/Tokyo"; or empty
};

}  // namespace utakata
