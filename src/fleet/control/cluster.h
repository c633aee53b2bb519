// The loop of one cluster. Owned by Control, on its thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fleet/control/control.h"
#include "fleet/plan/planner.h"

namespace utakata {

class Cluster {
 public:
  // `tenure` as in owners.h; 0: it is another's, and here only to be looked at.
  Cluster(Control& control, ClusterSpec spec, Fleet fleet, std::int64_t tenure);
  ~Cluster();

  std::int64_t tenure() const { return tenure_; }
  bool is_ours() const { return tenure_ != 0; }

  void start();                               // adopts what was recorded, then ticks
  void hear(std::vector<ProviderNews> news);  // at once, between ticks
  void take(SeatReport report);
  // Its instances are others' and go on: from now on they are none of ours.
  void forget();
  void replan();  // an operator's wish: no need to wait for the tick

  // Records an operator's wish. Problems: the store's; then nothing has changed.
  Expected<void> desire(const Desired& desired, Activity activity);
  Expected<void> by_hand(const Action& action);  // drain, resume, stop by an operator
  // All of them or none, and only what is ready; recorded before it is taken over.
  void adopt(std::vector<Foreign> found, Control::Answer answer);
  void respec(const ClusterSpec& spec);

  const Fleet& fleet() const { return planner_.fleet(); }
  const Plan& last_plan() const { return last_plan_; }
  const SeatReport& seats() const { return seats_; }
  void take_answer(FunctionAnswer answer);  // of a user's program; the last of each counts
  const Planner& planner() const { return planner_; }  // for who watches
  double spent_hours() const { return planner_.spending().hours(); }
  // What former lives measured.
  void remember(const std::vector<std::pair<std::string, std::string>>& settings);
  const ClusterSpec& spec() const { return planner_.fleet().spec; }
  ClusterSpec file_spec() const { return planner_.file_spec(); }

 private:
  Expected<void> may_adopt(const std::vector<Foreign>& found) const;
  Expected<std::string> take_in(const std::vector<Foreign>& found);
  void tick();
  void lend(Instant now);
  Observation observation(std::vector<ProviderNews> news) const;
  void looked(const std::vector<InstanceId>& asked, std::vector<Sight> answers, bool late);
  void step(Observation seen);
  bool record(const Plan& plan);
  void release();
  void note_outcomes(std::vector<Outcome> outcomes);
  void act(const std::vector<Action>& actions);
  void launch(const LaunchAction& action);
  void tell(const Instance& instance, bool draining,
            std::optional<CloseAction> close = std::nullopt);
  void verify();
  void publish();
  bool may(const Action& action) const;
  void withhold(Plan& plan) const;
  static std::string withheld_text(const Plan& plan);
  void note_shows(Batch& batch, const Plan& plan);
  void keep_measured();
  void add_answers(Observation& seen) const;
  void add_seats(Observation& seen) const;
  Activity intent(const Action& action, const std::string& limited_by) const;
  Batch::ClusterRow row() const;
  void renew_deadlines(Batch& batch, Instant now);

  Control& control_;
  const std::int64_t tenure_;
  Planner planner_;
  std::unique_ptr<Probe> probe_;
  std::unique_ptr<Probe> adopting_;  // looks at what is to be adopted
  SeatReport seats_;
  Plan last_plan_;
  Batch pending_;  // outcomes not yet recorded
  struct Release {
    InstanceId id;
    std::string handle;
  };
  std::vector<Release> to_release_;  // launched; run as soon as that is recorded
  std::unordered_map<InstanceId, std::uint64_t>
      closed_at_;  // view version since which it is out of placement
  std::unordered_set<InstanceId> verifying_;
  std::vector<std::pair<FunctionAnswer, Instant>> answers_;
  std::vector<ShowState> shows_;  // as last recorded
  std::string kept_boots_;        // as last written
  Instant kept_at_{};             // when
  Instant renewed_at_{};          // when drains' time left was last looked at
  // The last one published, and those before it that placement may still read: the memory of a
  // great one is given back here and not over there.
  std::deque<std::shared_ptr<const PlacementView>> views_;
  std::uint64_t view_version_ = 0;
  Instant due_{}, lend_at_{};
  bool is_looking_ = false, said_store_problem_ = false, was_braked_ = false,
       is_forgetting_ = false;
  std::vector<ProviderNews>
      refused_;  // launches that could not even be asked: heard in the next step
  std::string last_held_back_, last_withheld_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // callbacks outlive clusters
};

}  // namespace utakata
