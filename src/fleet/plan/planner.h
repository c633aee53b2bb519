// One cluster's planner: observation in, plan out. Deterministic: no clock, no I/O, no random;
// `now` is the observation's.
//
// A tick is observe() -> plan() -> [the caller records] -> commit() for each action that was
// recorded. An action that could not be recorded is simply not committed: the next plan asks for it
// again.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/observation.h"
#include "fleet/model/plan.h"
#include "fleet/plan/arbiter.h"
#include "fleet/plan/backoff.h"
#include "fleet/plan/disconnect_budget.h"
#include "fleet/plan/host_loss.h"
#include "fleet/plan/ladder.h"
#include "fleet/plan/observe.h"
#include "fleet/plan/rules.h"
#include "fleet/plan/scale.h"
#include "fleet/plan/spending.h"

namespace utakata {

class Planner {
 public:
  // `now`: when this controller took the cluster over; until windows and `settle` are full again
  // rules add and never shrink.
  Planner(Fleet fleet, Instant now);

  // What came from the world, to be recorded with the plan.
  std::vector<Outcome> observe(const Observation& seen);
  struct Neighbours {
    std::string
        unmet;  // a cluster that must serve first, as a sentence; empty when none is missing
    bool is_needed =
        false;  // others that need this one still have instances: it goes down after them
    std::string over_cap = {};  // the stack's daily cap is spent, as a sentence; empty: it is not
  };
  Plan plan(const Neighbours& neighbours);
  // The recorded action is now so, since the last observation or, for an operator's, since `at`.
  void commit(const Action& action) { commit(action, now_); }
  void commit(const Action& action, Instant at);

  // What only the caller could make of a launched instance: its url and its token's hash.
  void commit_launched(const Instance& launched);

  ClusterSpec file_spec() const;         // as the file has it: restarts by hand are not counted in
  void respec(const ClusterSpec& spec);  // an edited stack file; history is kept
  void want_by_operator(const Desired& desired);
  const Fleet& fleet() const { return fleet_; }

  // What was measured, and outlives restarts: boot_times.h, spending.h.
  const BootTimes& boots() const { return boots_; }
  const Spending& spending() const { return spending_; }
  const DisconnectBudget& budget() const { return budget_; }
  const Ladder& ladder() const { return ladder_; }  // the hosts, and what went wrong on them
  void remember(BootTimes boots, Spending spending, DisconnectBudget budget);
  // Of a draining instance: when it will be empty, p90; none: nobody can tell yet.
  std::optional<Duration> empty_within(const Instance& instance) const;

 private:
  Plan shut_down(bool is_needed);
  std::vector<Action> give_up_unready() const;
  std::vector<ShowState> shows_now() const;
  std::string frozen() const;
  void note_flow(const Observation& seen, const Flow& flow);
  void close_clients(Plan& plan) const;
  void measure_boots(const std::vector<Outcome>& outcomes, int starting);
  void note_given_up(const Action& stop);

  std::string file_version_;  // before an operator's restarts are counted in
  Fleet fleet_;
  RuleSet rules_;
  Arbiter arbiter_;
  Backoff backoff_;
  Ladder ladder_;
  HostLoss host_loss_;
  std::vector<Proposal> proposals_;
  std::vector<Instant> shrunk_at_;  // drains for scale-in of the present step
  std::vector<InstanceId>
      begun_before_;  // booting when we took over, or adopted: their boots cannot be told
  BootTimes boots_;
  Spending spending_;
  Departures departures_;
  DisconnectBudget budget_;
  std::int64_t granted_ = 0;  // as last told
  double shed_ = 0;           // by rebalancing, not yet closed at its pace
  Instant flowed_at_{};       // when that was last looked at
  std::optional<Instant> grown_at_, rebalanced_at_;
  WallTime wall_{};
  std::vector<ShowState> shows_;
  Instant now_, looked_at_;  // the latter: when instances were last asked
  bool probed_ = false;
};

}  // namespace utakata
