#include "load/run/load_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace utakata::load {
namespace {

constexpr Duration kStartsIn = 50ms;  // until the slowest worker has heard of it
constexpr Duration kPatience = 5s;    // for who is to say a last word
constexpr std::size_t kFaultsMax = 200;

void add_fault(std::vector<LoadFault>& to, const LoadFault& fault) {
  const auto same = std::ranges::find_if(
      to, [&](const LoadFault& one) { return one.what == fault.what && one.at == fault.at; });
  if (same != to.end())
    same->count += fault.count;
  else if (to.size() < kFaultsMax)
    to.push_back(fault);
}

// Of all flows: until nobody begins any more. 0: until all are done.
Duration length_of(const LoadPlan& plan) {
  Duration longest{};
  for (const LoadFlow& flow : plan.flows) {
    const auto one = length(flow.model);
    if (!one) return {};
    longest = std::max(longest, flow.start_after + *one);
  }
  return longest;
}

}  // namespace

LoadRun::LoadRun(net::Loop& loop, LoadRunOptions options, Calls calls)
    : loop_(loop), options_(std::move(options)), calls_(std::move(calls)) {
  report_.file = options_.file;
  start_worker();
}

LoadRun::~LoadRun() {
  loop_.cancel(ticker_);
  loop_.cancel(deadline_);
}

bool LoadRun::start_worker() {
  std::vector<std::string> argv = options_.node;
  argv.push_back(options_.scripts + "/worker.mjs");
  const std::size_t member = members_.size();
  auto worker = Worker::start(
      loop_, argv,
      {.said = [this, member](std::string_view line) { hear(member, line); },
       .printed = [this,
                   member](std::string_view line) { calls_.printed(std::int64_t(member), line); },
       .ended = [this, member](const WorkerEnd& how) { gone(member, how); }});
  if (!worker) {
    end(std::unexpected(worker.error()));
    return false;
  }
  members_.push_back({.worker = std::move(*worker)});
  LoadOrder order = options_.order;
  order.file = options_.file;
  members_.back().worker->tell(to_line(order));
  return true;
}

void LoadRun::hear(std::size_t member, std::string_view line) {
  if (phase_ == Phase::ended) return;
  const auto word = worker_word(line);
  if (!word) return end(std::unexpected(word.error()));
  std::visit([&](const auto& one) { hear(member, one); }, *word);
}

bool LoadRun::all(bool Member::* has) const {
  return std::ranges::all_of(members_, [&](const Member& one) { return one.is_gone || one.*has; });
}

// The first one tells the plan, by which there are more of them.
void LoadRun::hear(std::size_t member, const WorkerLoaded& loaded) {
  members_[member].is_loaded = true;
  if (member == 0) {
    if (!take_plan(loaded)) return;
    for (std::int64_t k = 1; k < options_.workers; ++k)
      if (!start_worker()) return;
  }
  if (!all(&Member::is_loaded)) return;
  phase_ = Phase::setting_up;
  members_[0].worker->tell(setup_line());
}

bool LoadRun::take_plan(const WorkerLoaded& loaded) {
  plan_json_ = overridden(loaded.load, options_.overrides);
  auto plan = read_load_plan(plan_json_);
  if (!plan) {
    end(problem(Problem::Kind::invalid, to_text(plan.error(), options_.file)));
    return false;
  }
  plan_ = std::move(*plan);
  const auto is_there = [&](const std::string& name) {
    return std::ranges::find(loaded.functions, name) != loaded.functions.end();
  };
  for (const LoadFlow& flow : plan_.flows)
    for (const LoadScenario& scenario : flow.scenarios)
      if (!is_there(scenario.exec) && !(scenario.exec == "user" && is_there("default"))) {
        end(problem(Problem::Kind::invalid,
                    fmt::format("{}: it exports no function `{}`; write `export {}`.\n",
                                options_.file, scenario.exec,
                                scenario.exec == "user"
                                    ? std::string("default async function user(u) { ... }")
                                    : "async function " + scenario.exec + "(u) { ... }")));
        return false;
      }
  report_.plan = to_text(plan_);
  report_.planned = length_of(plan_);
  return true;
}

void LoadRun::hear(std::size_t member, const WorkerDone& done) {
  if (done.what == "setup" && phase_ == Phase::setting_up) {
    data_ = done.data;
    start();
  } else if (done.what == "stop") {
    members_[member].has_stopped = true;
    if (phase_ == Phase::stopping && all(&Member::has_stopped)) tear_down();
  } else if (done.what == "teardown" && phase_ == Phase::tearing_down) {
    end({});
  }
}

void LoadRun::start() {
  phase_ = Phase::running;
  started_ = loop_.now() + kStartsIn;
  report_.started = net::SystemClock().wall();
  for (std::size_t k = 0; k < members_.size(); ++k)
    members_[k].worker->tell(to_line(StartOrder{.plan = plan_json_,
                                                .worker = std::int64_t(k),
                                                .workers = std::int64_t(members_.size()),
                                                .data = data_,
                                                .in = kStartsIn}));
  ticker_ = loop_.every(1s, [this] { tick(); });
}

Duration LoadRun::plan_time() const {
  return paused_at_.value_or(loop_.now()) - started_ - paused_;
}

// Numbers of each worker, as they last were; what was measured since the last second.
void LoadRun::tick() {
  LoadTick now;
  for (const Member& member : members_) {
    if (member.is_gone) continue;
    now.users += member.last.users;
    now.sockets += member.last.sockets;
    now.cpu_max = std::max(now.cpu_max, member.last.cpu);
    now.lag_ms_max = std::max(now.lag_ms_max, member.last.lag_ms);
  }
  const Duration until = std::max(loop_.now() - started_, Duration{});
  now.at = report_.elapsed;
  now.length = until - report_.elapsed;
  timeline_.add(now, second_);
  second_ = Metrics();
  report_.elapsed = until;
  report_.generator = watch_.health();
  report_.doubts = doubts_of(report_);
  judge_thresholds();
  calls_.ticked(report_);
  if (phase_ != Phase::running) return;
  const bool is_aborted = std::ranges::any_of(report_.thresholds, [](const auto& one) {
    return one.threshold.aborts_run && !one.verdict.is_kept && one.verdict.measured;
  });
  if (is_aborted) return stop(LoadEnd::aborted);
  if (report_.planned > 0s && plan_time() > report_.planned + plan_.graceful_stop)
    stop(LoadEnd::done);
}

// Where there is no such metric the sentence says so.
void LoadRun::judge_thresholds() {
  report_.thresholds.clear();
  for (const Threshold& threshold : plan_.thresholds) {
    const auto can = fits(threshold, report_.metrics.kinds());
    report_.thresholds.push_back(
        {threshold, can ? judge(threshold, report_.metrics, report_.elapsed)
                        : Verdict{.is_kept = false, .measured = {}, .because = can.error().what}});
  }
}

void LoadRun::hear(std::size_t member, const WorkerTick& tick) {
  members_[member].last = tick;
  watch_.add({.worker = std::int64_t(member),
              .length = from_seconds(tick.length_ms / 1000),
              .lag_ms = tick.lag_ms,
              .gc_ms = tick.gc_ms,
              .cpu = tick.cpu,
              .resident_mb = tick.resident_mb,
              .late_ms = tick.late_ms});
  for (const LoadFault& fault : tick.faults) add_fault(report_.faults, fault);
}

void LoadRun::hear(std::size_t member, const WorkerMetrics& metrics) {
  for (Metrics* const into : {&report_.metrics, &second_})
    if (const auto added = into->add(metrics.line); !added)
      report_.notes.push_back(fmt::format(
          "Worker {}: {} What it measured in that second is missing.", member, added.error().what));
}

void LoadRun::hear(std::size_t member, const WorkerOver&) {
  members_[member].is_over = true;
  if (phase_ == Phase::running && all(&Member::is_over)) stop(LoadEnd::done);
}

// A set-up or an import that failed is the scenario's fault; a tear-down's is only told.
void LoadRun::hear(std::size_t, const WorkerFailed& failed) {
  const LoadFault& fault = failed.fault;
  const std::string where = fault.at.empty() ? "" : fmt::format(" ({})", fault.at);
  if (failed.during == "teardown") {
    report_.notes.push_back(fmt::format("teardown() failed: {}{}.", fault.what, where));
    return end({});
  }
  const std::string what = failed.during == "setup" ? "setup() failed" : "it cannot be loaded";
  end(problem(failed.during == "load" ? Problem::Kind::invalid : Problem::Kind::unavailable,
              fmt::format("{}: {}: {}{}\n", options_.file, what, fault.what, where)));
}

void LoadRun::gone(std::size_t number, const WorkerEnd& how) {
  Member& member = members_[number];
  member.is_gone = true;
  if (phase_ == Phase::ended) return;
  const std::string by = how.signal != 0 ? fmt::format("by signal {}", how.signal)
                                         : fmt::format("with exit code {}", how.status);
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    return end(problem(Problem::Kind::unavailable,
                       fmt::format("a worker ended {} before the run began; what it printed says "
                                   "why.\n",
                                   by)));
  report_.notes.push_back(
      fmt::format("Worker {} ended {} after {:.0f} s: its {} users are missing from then on.",
                  number, by, to_seconds(loop_.now() - started_), member.last.users));
  if (!member.has_stopped) watch_.lost(std::int64_t(number));
  if (phase_ == Phase::running && all(&Member::is_over)) return stop(LoadEnd::done);
  if (phase_ == Phase::stopping && all(&Member::has_stopped)) return tear_down();
  if (phase_ == Phase::tearing_down && number == 0) end({});
}

void LoadRun::stop(LoadEnd why) {
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    return end(problem(Problem::Kind::unavailable, "it was stopped before it began.\n"));
  if (phase_ == Phase::stopping) {  // again: at once
    for (const Member& member : members_)
      if (!member.has_stopped) member.worker->tell(stop_line(0s));
    return;
  }
  if (phase_ != Phase::running) return;
  phase_ = Phase::stopping;
  report_.end = why;
  const bool had_time = why == LoadEnd::done;  // graceful stop is over, or nobody is busy
  const Duration within = had_time ? 0s : plan_.graceful_stop;
  for (const Member& member : members_)
    if (!member.is_gone) member.worker->tell(stop_line(within));
  loop_.cancel(deadline_);
  deadline_ = loop_.after(within + kPatience, [this] { tear_down(); });
  if (all(&Member::has_stopped)) tear_down();
}

// The last word of all has been heard, or waited for long enough.
void LoadRun::tear_down() {
  if (phase_ != Phase::stopping) return;
  for (std::size_t k = 0; k < members_.size(); ++k)
    if (!members_[k].has_stopped && !members_[k].is_gone)
      report_.notes.push_back(fmt::format(
          "Worker {} did not stop when it was told to: its last second is missing.", k));
  phase_ = Phase::tearing_down;
  loop_.cancel(ticker_);
  tick();
  loop_.cancel(deadline_);
  if (members_[0].is_gone) return end({});
  deadline_ = loop_.after(std::max(plan_.graceful_stop, kPatience), [this] {
    report_.notes.push_back("teardown() did not end in time.");
    end({});
  });
  members_[0].worker->tell(teardown_line(data_));
}

void LoadRun::pause(bool is_paused) {
  if (is_paused == paused_at_.has_value() || phase_ != Phase::running) return;
  if (is_paused)
    paused_at_ = loop_.now();
  else
    paused_ += loop_.now() - *std::exchange(paused_at_, std::nullopt);
  for (const Member& member : members_)
    if (!member.is_gone) member.worker->tell(pause_line(is_paused));
}

void LoadRun::more(double factor) {
  if (phase_ != Phase::running) return;
  factor_ = std::clamp(factor, 0.0, 1000.0);
  for (const Member& member : members_)
    if (!member.is_gone) member.worker->tell(more_line(factor_));
}

// Later, since a worker that is to be dropped may be telling this.
void LoadRun::end(Expected<void> result) {
  if (std::exchange(phase_, Phase::ended) == Phase::ended) return;
  loop_.cancel(ticker_);
  loop_.cancel(deadline_);
  std::ranges::move(notes_of(report_), std::back_inserter(report_.notes));
  deadline_ = loop_.after(0s, [this, result = std::move(result)] {
    if (result)
      calls_.ended(std::move(report_));
    else
      calls_.ended(std::unexpected(result.error()));
  });
}

}  // namespace utakata::load
