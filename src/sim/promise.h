// The checkers: one promise of the design each, of one cluster. They look at the made-up world
// itself and compare it with what the controller recorded; they trust no record for a fact about
// the world.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "fleet/model/activity.h"
#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"
#include "fleet/plan/place.h"
#include "sim/hosts.h"
#include "sim/people.h"
#include "sim/recorded.h"

namespace utakata {

struct Census {  // of the instances that are there
  int serving = 0, answering = 0;
  int suspected = 0;             // whom two answers were missing of, ever
  std::array<int, 5> decided{};  // by the record, by lifecycle
  int decided_as(Lifecycle lifecycle) const { return decided[std::size_t(lifecycle)]; }
};

struct SimWorld {  // of one cluster
  const ClusterSpec& spec;
  Hosts& hosts;
  const Decisions& decided;
  const SeatReport* seats = nullptr;  // as placement last told the controller
  const Fleet* fleet = nullptr;       // none: there is no controller just now
  const Plan* plan = nullptr;         // its last one
  const PlacementLedger* ledger = nullptr;
  Census census{};           // of this second, in second() alone
  std::int64_t wishing = 0;  // people
  std::int64_t unheard = 0;  // of them: told by an earlier owner, or life, to come later
  bool can_record = true;
  Instant now{}, last_fault{}, controller_since{}, controller_awake_since{};

  bool is_held_back() const { return plan && !plan->held_back.empty(); }
  bool is_running_for(Duration time) const {  // the controller, in one life and not frozen
    return fleet && now - std::max(controller_since, controller_awake_since) >= time;
  }
  // Nor has anything gone wrong for so long.
  bool is_calm_for(Duration time) const { return is_running_for(time) && now - last_fault > time; }
};

struct SimStep {  // it has just recorded this; nothing of it is done yet
  std::span<const Activity> activities;
  const SimWorld& world;  // decided: after it
};

struct SimEnd {  // of an instance, by itself or by others
  const Guest& guest;
  Instant now{};
};

// A controller takes itself for a cluster's owner, or acts as such.
struct SimClaim {
  const char* what;  // "records", "places", "takes itself"
  std::string controller;
  std::string owner;  // in truth; empty: nobody
  bool is_owner = false;
};

class Promise {
 public:
  struct Witness {
    std::function<void(std::string what)> broken;
    std::function<void()> tested;  // its precondition was met
  };
  explicit Promise(Witness witness) : witness_(std::move(witness)) {}
  virtual ~Promise() = default;

  virtual void begins_life(Instant) {}  // of the controller
  // By one that could not have heard what its former owner placed: nobody is left who did.
  virtual void is_taken_unheard(Instant) {}
  virtual void records(const SimStep&) {}
  // `is_refused`: at once, and whoever owns the cluster knows.
  virtual void asks_launch(const InstanceId&, const LaunchSpec&, bool /*is_refused*/, Instant) {}
  virtual void asks_stop(const InstanceId&, const SimWorld&) {}
  virtual void answers(const Asking&, const PlaceAnswer&, const Guest*, const SimWorld&) {}
  // By one that does not know that another has the cluster.
  virtual void answers_unknowing(const Asking&, const Guest*) {}
  virtual void connects(const Guest&, const Asking&, const SimWorld&) {}
  virtual void leaves(const Guest&, const Asking&) {}
  virtual void ends(const SimEnd&) {}
  virtual void claims(const SimClaim&, const SimWorld&) {}  // where several controllers run
  virtual void second(const SimWorld&) {}

 protected:
  void broken(std::string what) const { witness_.broken(std::move(what)); }
  void tested() const { witness_.tested(); }

 private:
  Witness witness_;
};

struct PromiseKind {
  const char* name;  // what `broken` begins with: "1 no cut"
  std::unique_ptr<Promise> (*make)(Promise::Witness);
};
std::span<const PromiseKind> promise_kinds();  // in the order of their numbers

// Why an intent to stop may be: by the world's facts and what was decided before.
bool is_past_deadline(const Decided& decided, Instant now);
bool is_past_patience(const Guest& guest, const ClusterSpec& spec, Instant now);
bool is_intent(const Activity& one, std::string_view kind);
// Whose seat was given back in another's stead is not in the journal: for `hold` after the end of a
// controller's life the seat of one who was on the way then may be free too early, where arrivals
// are only counted.
bool may_be_free_too_early(const Guest& guest, const SimWorld& world);

std::unique_ptr<Promise> promise_no_cut(Promise::Witness witness);        // 1
std::unique_ptr<Promise> promise_victim(Promise::Witness witness);        // 2
std::unique_ptr<Promise> promise_resume_first(Promise::Witness witness);  // 3
std::unique_ptr<Promise> promise_bounds(Promise::Witness witness);        // 4
std::unique_ptr<Promise> promise_seats(Promise::Witness witness);         // 5
std::unique_ptr<Promise> promise_certainty(Promise::Witness witness);     // 6
std::unique_ptr<Promise> promise_brake(Promise::Witness witness);         // 7
std::unique_ptr<Promise> promise_backoff(Promise::Witness witness);       // 8
std::unique_ptr<Promise> promise_crash_safe(Promise::Witness witness);    // 9
std::unique_ptr<Promise> promise_one_owner(Promise::Witness witness);     // 10
std::unique_ptr<Promise> promise_reasons(Promise::Witness witness);       // 11
std::unique_ptr<Promise> promise_admission(Promise::Witness witness);     // 12
std::unique_ptr<Promise> promise_keys(Promise::Witness witness);          // 13
std::unique_ptr<Promise> promise_spread(Promise::Witness witness);        // 15
std::unique_ptr<Promise> promise_recovery(Promise::Witness witness);      // L1
std::unique_ptr<Promise> promise_shrinking(Promise::Witness witness);     // L2

}  // namespace utakata
