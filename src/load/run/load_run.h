// One run of a scenario on this host: its workers are started, told and added up. Loop thread only.
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
#include "load/report/load_report.h"
#include "load/report/timeline.h"
#include "load/report/validity.h"
#include "load/run/worker_words.h"
#include "load/workers/worker.h"
#include "net/loop.h"

namespace utakata::load {

struct LoadRunOptions {
  std::string file;               // of the scenario
  std::vector<std::string> node;  // the command, and its options
  std::string scripts;            // the folder of worker.mjs
  std::int64_t workers = 1;
  PlanOverrides overrides{};
  LoadOrder order{};  // its `file` is filled in
};

class LoadRun {
 public:
  struct Calls {
    std::function<void(std::int64_t worker, std::string_view line)> printed;  // by the scenario
    std::function<void(const LoadReport&)> ticked;  // each second while it runs
    // Once, the last. `invalid`: the file or its plan is wrong; all else: it could not be run.
    std::function<void(Expected<LoadReport>)> ended;
  };
  LoadRun(net::Loop& loop, LoadRunOptions options, Calls calls);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Users are told to leave and have the plan's graceful stop; called again: they have no time.
  void stop(LoadEnd why = LoadEnd::stopped);
  void pause(bool is_paused);
  void more(double factor);  // times as many as planned
  bool is_paused() const { return paused_at_.has_value(); }
  double factor() const { return factor_; }

 private:
  enum class Phase : std::uint8_t { loading, setting_up, running, stopping, tearing_down, ended };
  struct Member {
    std::unique_ptr<Worker> worker{};
    WorkerTick last{};
    bool is_loaded = false, is_over = false, has_stopped = false, is_gone = false;
  };

  bool start_worker();
  void hear(std::size_t member, std::string_view line);
  void hear(std::size_t member, const WorkerLoaded& loaded);
  void hear(std::size_t member, const WorkerDone& done);
  void hear(std::size_t member, const WorkerFailed& failed);
  void hear(std::size_t member, const WorkerTick& tick);
  void hear(std::size_t member, const WorkerMetrics& metrics);
  void hear(std::size_t member, const WorkerOver& over);
  void gone(std::size_t member, const WorkerEnd& end);

  Duration plan_time() const;
  bool take_plan(const WorkerLoaded& loaded);
  bool all(bool Member::* has) const;  // of those who are not gone
  void start();
  void tick();
  void judge_thresholds();
  void tear_down();
  void end(Expected<void> result);

  net::Loop& loop_;
  const LoadRunOptions options_;
  const Calls calls_;
  Phase phase_ = Phase::loading;
  std::vector<Member> members_;
  LoadPlan plan_;
  std::string plan_json_, data_ = "null";
  LoadReport report_;
  Timeline timeline_{report_.points};
  GeneratorWatch watch_;
  Metrics second_;  // of this one
  Instant started_{};
  net::Loop::TimerId ticker_ = 0, deadline_ = 0;
  std::optional<Instant> paused_at_{};
  Duration paused_{};
  double factor_ = 1;
};

}  // namespace utakata::load
