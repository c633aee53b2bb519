// The day itself: run.h's parts put together. Private to simulation*.cc.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/company.h"
#include "sim/faults.h"
#include "sim/lives.h"
#include "sim/people.h"
#include "sim/promise.h"
#include "sim/recorded.h"
#include "sim/run.h"

namespace utakata {

class Simulation {
 public:
  explicit Simulation(const SimOptions& options);
  SimResult run();

 private:
  using Promises = std::vector<std::unique_ptr<Promise>>;
  struct Attached {  // to the controller's present life, as far as there is anything yet
    const Lives* lives = nullptr;
    Instant life{};
    const Decisions* decided = nullptr;
    const Fleet* fleet = nullptr;
    const Plan* plan = nullptr;
    const PlacementLedger* ledger = nullptr;
    const SeatReport* seats = nullptr;
  };
  struct Hearing {  // of a controller, to the owner of a cluster
    Instant life{}, since{}, until{};
    Instant owner_since{};  // to which of its owners
  };
  struct Watched {
    const ClusterSpec* spec;
    Promises promises;
    SimCluster shown;
    Attached attached;
    Lives* acting = nullptr;  // who last began to act for it
    Instant acting_since{}, owned_until{};
    std::vector<Hearing> hearing;  // by controller
    std::int64_t acting_tenure = 0;
    std::optional<Instant> known_in;    // the present owner has a ledger of it
    std::int64_t refused = 0, cut = 0;  // until the last sample
    double instance_seconds = 0;
  };

  // simulation.cc
  void add_cluster(const ClusterSpec& spec);
  void add_controllers();
  void second();
  Census census(const std::string& cluster);
  void sample(Watched& watched, std::uint32_t index);
  void gather();
  std::string moment() const;

  // simulation_watch.cc: what the checkers are told
  void watch();
  void watch(Lives& lives);
  bool has_placed(const Company::Placing& placing);
  void acts(Lives& lives, const std::string& cluster);
  void begin_life(Watched& watched);                                // of its controller
  bool owns(const Lives& lives, const std::string& cluster) const;  // in truth
  Lives* acting(const Watched& watched) const;  // none: nobody acts for it just now
  void judge_owners();
  void note_hearing(Watched& watched);
  bool could_hear(const Watched& watched, std::size_t who) const;
  void claims(Watched& watched, const Lives& lives, const char* what);
  Promises make_promises();
  Watched* watched(const std::string& cluster);
  const Attached& attach(Watched& watched);
  SimWorld world_of(Watched& watched);
  void recorded(const Lives& lives, const Batch& batch);
  CutCause cause_of(const Guest& guest, const Decided& decided) const;

  // simulation_faults.cc
  void schedule(const Fault& fault);
  bool may_strike(const Fault& fault);
  void strike(const Fault& fault);
  void strike_one(const Fault& fault);
  void strike_all(const Fault& fault);
  void lose_zone(const Fault& fault);
  void lose_machines(const Fault& fault);
  void fill_machine(const Fault& fault);
  void strike_controller(const Fault& fault);
  void strike_company(const Fault& fault);
  void step_clock(const Fault& fault);
  void call(const AdminCall& call);
  void undo_later(Duration wait, std::function<void()> undo);
  Guest* victim(const Fault& fault);
  void note(std::string what);
  void crash(Lives& lives, Duration away);

  const SimOptions& options_;
  SimResult result_;
  Recorded recorded_;
  std::vector<Watched> watched_;  // parallel to the crowds; told of ends until the very last
  Timeline timeline_;
  Hosts hosts_;
  People people_;
  Record record_;
  std::unique_ptr<Company> company_;           // none: one controller, alone
  std::vector<std::unique_ptr<Lives>> lives_;  // of each controller
  Random random_;
  std::vector<Fault> waiting_;  // for their moment
  Instant last_fault_{};
  struct Awake {
    bool was_up = false;
    Instant since{};
  };
  std::vector<Awake> awake_;  // of each controller
  bool is_full_ = false;
  int lasting_ = 0;  // faults that are not over
};

}  // namespace utakata
