// One run of a scenario: its workers, of this host or of agents, are started, told and added up.
// Loop thread only.
//
//   loading -> setting up -> running -> stopping -> tearing down -> ended
//      (a file that cannot be loaded, a plan with mistakes, a set-up that fails: ended at once)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "load/plan/load_plan.h"
#include "load/preflight/preflight.h"
#include "load/report/load_report.h"
#include "load/report/load_state.h"
#include "load/report/timeline.h"
#include "load/report/validity.h"
#include "load/run/worker_words.h"
#include "load/watchdog/watchdog.h"
#include "load/workers/crew_here.h"
#include "net/loop.h"

namespace utakata::load {

struct LoadRunOptions {
  std::string file;               // of the scenario, which is there
  std::vector<std::string> node;  // the command, and its options
  std::string scripts;            // the folder of worker.mjs
  std::int64_t workers = 0;       // on this host; 0: as many as the plan and the host ask for
  HostFacts host{};               // by which that is found out, and what will not do
  std::int64_t sources = 0;       // addresses that are dialled from; 0: none are named
  std::vector<Crew*> agents{};    // run all users, if there are any; outlive the run
  PlanOverrides overrides{};
  LoadOrder order{};       // what is to be known of files is filled in
  bool is_paused = false;  // at its start, until it is told to go on
};

class LoadRun {
 public:
  struct Calls {
    std::function<void(std::int64_t worker, std::string_view line)> printed;  // by the scenario
    // Before anything is begun, where this host runs the users. May stop the run.
    std::function<void(const Preflight&)> checked;
    // Each second while it runs: that second's numbers, and what was measured in it.
    std::function<void(const LoadTick&, const Metrics&)> ticked;
    // Once, the last. `invalid`: the file or its plan is wrong; all else: it could not be run.
    std::function<void(Expected<LoadReport>)> ended;
  };
  LoadRun(net::Loop& loop, LoadRunOptions options, Calls calls);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Users are told to leave and have the plan's graceful stop; called again: they have no time, and
  // then nor has teardown().
  void stop(LoadEnd why = LoadEnd::stopped);
  void pause(bool is_paused);
  void more(double factor);                             // times as many as planned
  LoadState state() const;                              // O(stages)
  const LoadReport& report() const { return report_; }  // so far
  // A clause, why its figures are not of all users: "Worker 2 loops for ever at ..."; "": they are.
  const std::string& broken() const { return broken_; }

 private:
  using Phase = LoadPhase;
  struct Member {
    std::unique_ptr<Worker> worker{};
    const Crew* crew = nullptr;
    std::string name{};      // "Worker 3 of bees-2"
    bool runs_users = true;  // the first does not where agents do
    WorkerTick last{};
    std::string stuck{};  // why it was ended by us; "": it was not
    bool has_ticked = false, tears_down = false;
    bool is_loaded = false, is_over = false, has_stopped = false, is_gone = false;
  };

  bool start_worker(Crew& crew);
  bool start_others(const WorkerLoaded& loaded);
  bool ship(const WorkerLoaded& loaded);
  void hear(std::size_t member, std::string_view line);
  void hear(std::size_t member, const WorkerLoaded& loaded);
  void hear(std::size_t member, const WorkerDone& done);
  void hear(std::size_t member, const WorkerFailed& failed);
  void hear(std::size_t member, const WorkerTick& tick);
  void hear(std::size_t member, const WorkerMetrics& metrics);
  void hear(std::size_t member, const WorkerOver& over);
  void hear(std::size_t, const WorkerAlive&) {}
  void gone(std::size_t member, const WorkerEnd& end);
  void stuck(std::size_t member, const Stuck& how);
  void lost(const Crew& crew, const std::string& why);
  void go_on_without();

  double seconds_in() const;  // it has begun
  Duration plan_time() const;
  void check_host();
  bool take_plan(const WorkerLoaded& loaded);
  bool all(bool Member::* has) const;  // of those who are not gone
  bool is_anybody_left() const;        // to run users
  void tell_runners(const std::string& line);
  void set_up();
  Duration starts_in(std::size_t bytes) const;
  void start();
  void tell_clocks();
  void tick();
  void judge_thresholds();
  void hurry();
  void tear_down();
  void end(Expected<void> result);

  net::Loop& loop_;
  const LoadRunOptions options_;
  LoadOrder order_;
  const Calls calls_;
  CrewHere here_;  // loads the scenario, sets up and tears down; without agents it runs the users
  Phase phase_ = Phase::loading;
  std::vector<Member> members_;
  LoadPlan plan_;
  std::string plan_json_, data_ = "null";
  Duration clock_error_{};  // at most, of any agent
  std::int64_t ticks_ = 0;
  std::string all_lost_;  // when; "": somebody is left
  LoadReport report_;
  Timeline timeline_{report_.points};
  GeneratorWatch watch_;
  Metrics second_;  // of this one
  std::uint64_t unshown_ = 0;
  bool is_hurried_ = false;  // it was told to stop while it tore down
  Instant started_{};
  net::Loop::TimerId ticker_ = 0, deadline_ = 0;
  std::optional<Instant> paused_at_{};
  Duration paused_{};
  double factor_ = 1;
  std::int64_t left_open_ = 0;  // sockets
  std::string broken_;
  Watchdog dog_;
};

}  // namespace utakata::load
