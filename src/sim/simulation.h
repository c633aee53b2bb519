// The day itself: run.h's parts put together. Private to simulation*.cc.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

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
    Instant life{};
    const Decisions* decided = nullptr;
    const Fleet* fleet = nullptr;
    const Plan* plan = nullptr;
    const PlacementLedger* ledger = nullptr;
    const SeatReport* seats = nullptr;
  };
  struct Watched {
    const ClusterSpec* spec;
    Promises promises;
    SimCluster shown;
    Attached attached;
    std::int64_t refused = 0, cut = 0;  // until the last sample
    double instance_seconds = 0;
  };

  // simulation.cc
  void add_cluster(const ClusterSpec& spec);
  void second();
  Census census(const std::string& cluster);
  void sample(Watched& watched, std::uint32_t index);
  void gather();
  std::string moment() const;

  // simulation_watch.cc: what the checkers are told
  void watch();
  Promises make_promises();
  Watched* watched(const std::string& cluster);
  const Attached& attach(Watched& watched);
  SimWorld world_of(Watched& watched);
  void recorded(const Batch& batch);
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
  void call(const AdminCall& call);
  void undo_later(Duration wait, std::function<void()> undo);
  Guest* victim(const Fault& fault);
  void note(std::string what);
  void crash(Duration away);

  const SimOptions& options_;
  SimResult result_;
  Recorded recorded_;
  std::vector<Watched> watched_;  // parallel to the crowds; told of ends until the very last
  Timeline timeline_;
  Hosts hosts_;
  People people_;
  Lives lives_;
  Random random_;
  std::vector<Fault> waiting_;  // for their moment
  Instant last_fault_{}, awake_since_{};
  bool was_up_ = false, is_full_ = false;
  int lasting_ = 0;  // faults that are not over
};

}  // namespace utakata
