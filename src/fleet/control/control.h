// The loop: observe, plan, record, act, record. It owns the order and no rule.
//
// One thread, the control loop's. It knows its neighbours as ports, so that the same code runs in
// production, in tests and under a made-up world.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/problem.h"
#include "fleet/model/activity.h"
#include "fleet/model/admin.h"
#include "fleet/model/fleet.h"
#include "fleet/model/placement.h"
#include "fleet/model/plan.h"
#include "fleet/model/stack.h"
#include "fleet/owner/owners.h"
#include "fleet/probe/probe.h"
#include "fleet/provider/provider.h"
#include "fleet/store/store.h"
#include "fleet/verify/verify.h"

namespace utakata {

// Tells an instance that it drains or serves again. Best effort: an app may not listen, and nothing
// hangs on it.
class Teller {
 public:
  virtual ~Teller() = default;
  struct Message {
    Address address;
    std::string method, path,
        token;  // the token that the instance was started with, so that it knows who speaks
    bool draining = false;  // false: it serves again
    std::optional<Duration> deadline;
    std::optional<CloseAction> close;  // its clients should go elsewhere
    std::string ask = {};              // of `close`: where they get another place
    bool reconnects = false;           // of `close`: the new socket before the old one closes
  };
  virtual void tell(const Message& message, std::function<void(Expected<void>)> done) = 0;
  // Lends it time: it ends by itself unless it is lent some again before that. Nobody hears whether
  // it came there: who does not answer is noticed by probes.
  virtual void lend(const Address& address, const std::string& token, Duration time) = 0;
};

struct ControlParts {
  const Clock& clock;
  std::function<void(Duration, std::function<void()>)> after;  // on the control loop
  Provider& provider;
  Store& store;
  Teller& teller;
  Verifier& verifier;
  std::function<std::unique_ptr<Probe>(const ClusterSpec&)> make_probe;
  // To the placing side.
  std::function<void(std::shared_ptr<const PlacementView>)> publish;
  std::function<std::string(const InstanceId&)> token_of;    // the instance's own token
  std::function<std::string(const std::string&)> hash_of;    // of a token
  std::function<Expected<Stack>(const std::string&)> parse;  // stack file text, for `apply`
  std::function<void(const Activity&)> on_activity;          // after it is recorded
  std::function<void(const std::string&)>
      on_problem;                 // what concerns no instance, said once: "store: disk is full"
  std::function<void()> on_down;  // everything is gone after a `down`
  std::string api_url;            // UTAKATA_URL of the instances
  std::string run_folder;         // where logs are
  // Called between the parts of a tick, which take a millisecond each for 10,000 instances: whoever
  // waits for this core goes first.
  std::function<void()> give_way = [] {};
  // Where several controllers run the stack; none: everything is ours, always. Outlives Control.
  Owners* owners = nullptr;
};

class Cluster;

class Control {
 public:
  Control(ControlParts parts, Stack stack);
  ~Control();

  // Takes over what an earlier life recorded, then starts the loops. Problems: the store's.
  Expected<void> start(const Saved& saved);
  void take(SeatReport report);  // from the placing side
  // Who owns what may have changed. A cluster that was gained goes on from what is recorded, as
  // after a restart; of one that is another's nothing is done any more, and what it shows is what
  // that one recorded. A cluster without a known owner goes on here without a change: what it
  // would do cannot be recorded.
  void turn();
  // Its cluster is ours, and what is recorded of it has been taken over.
  bool acts_for(const InstanceId& id) const;
  Expected<std::string> ask(
      const AdminCall& call);  // answers JSON; Problems: `not_found`, `invalid`, `conflict`
  // The same, of every call: that of `adopt` is answered later, when the instance was looked at.
  using Answer = std::function<void(Expected<std::string>)>;
  void ask(const AdminCall& call, Answer answer);
  const Stack& stack() const { return stack_; }
  // For who watches; none: there is no such cluster. Valid until the next tick.
  const Fleet* fleet(const std::string& cluster) const;
  const Plan* last_plan(const std::string& cluster) const;

 private:
  friend class Cluster;
  std::unique_ptr<Cluster> make_cluster(const Saved& saved, const ClusterSpec& spec);
  void refresh();
  void read_again(const Saved& saved);
  void hear();
  void down_turn();
  std::string unmet_needs(const ClusterSpec& spec) const;
  bool needed_by_living(const ClusterSpec& spec) const;
  Cluster* find(const std::string& name) const;
  Cluster* owner_of(const InstanceId& id) const;
  Expected<void> must_be_ours(const AdminCall& call) const;
  void want_clusters();
  Expected<void> known(const AdminCall& call) const;
  void adopt(const AdminCall& call, Answer answer);
  Expected<std::string> admin_instance(const AdminCall& call);
  Expected<std::string> admin_scale(const AdminCall& call);
  Expected<std::string> admin_down(const AdminCall& call);
  Expected<void> take_down(Cluster& cluster, const AdminCall& call);
  Expected<std::string> admin_apply(const AdminCall& call);
  Expected<std::string> admin_activities(const AdminCall& call);

  ControlParts parts_;
  Stack stack_;
  std::vector<std::unique_ptr<Cluster>> clusters_;  // in the stack's order
  std::optional<AdminCall> down_;                   // the whole stack was told to go
  bool is_down_told_ = false;
  // Those that a finished `down` had ended before we came: whoever starts the stack again means it.
  std::set<std::string> over_;
  std::set<std::string> gone_;  // with instances when we came, and the file does not name them
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Expected<std::string> admin_answer(const AdminCall& call);
  std::string over_cap() const;
  std::string frozen() const;
  bool only_observes() const { return stack_.provider == ProviderKind::observe; }
  Expected<void> note_powers(const std::string& before);
};

}  // namespace utakata
