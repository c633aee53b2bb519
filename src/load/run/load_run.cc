#include "load/run/load_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "load/bundle/bundle.h"
#include "load/plan/wanted.h"

namespace utakata::load {
namespace {

constexpr Duration kStartsIn = 50ms;  // until the slowest worker of this host has heard of it
// Agents hear of it in the time that two round trips take, and all that setup() returned with 100
// Mbit/s; and a host that is busy, somewhat later.
constexpr Duration kAgentsStartIn = 250ms, kMegabyteTakes = 80ms;
constexpr int kClockEvery = 10;     // seconds, in which clocks part by less than pings tell
constexpr Duration kTold = 200ms;   // after its end, all workers have told of a second
constexpr Duration kPatience = 5s;  // for who is to say a last word
constexpr Duration kHurry = 1s;     // likewise, once it is to be over at once
constexpr std::size_t kFaultsMax = 200;
// What loads or sets up may be at it for long, and wait for programs.
constexpr Watchdog::Patience kAtFirst{.patience = 30s, .gives_up_after = 15min};
constexpr Watchdog::Patience kRunning{};

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

std::vector<std::string> command_of(const LoadRunOptions& options) {
  std::vector<std::string> argv = options.node;
  // A debugger is opened on demand only (Watchdog), and then at any port.
  argv.insert(argv.end(), {"--inspect-port=0", options.scripts + "/worker.mjs"});
  return argv;
}

}  // namespace

LoadRun::LoadRun(net::Loop& loop, LoadRunOptions options, Calls calls)
    : loop_(loop),
      options_(std::move(options)),
      calls_(std::move(calls)),
      here_(loop, command_of(options_), std::max<std::int64_t>(options_.workers, 1)),
      dog_(loop, "file://" + options_.scripts, kAtFirst,
           {.signal = [this](std::size_t member,
                             int signal) { members_[member].worker->kill(signal); },
            .stuck = [this](std::size_t member, const Stuck& how) { stuck(member, how); }}) {
  report_.file = options_.file;
  order_ = options_.order;
  order_.file = std::filesystem::canonical(options_.file);
  order_.folder = std::filesystem::current_path();
  if (!order_.ca_file.empty()) order_.ca_file = std::filesystem::absolute(order_.ca_file);
  start_worker(here_);
}

LoadRun::~LoadRun() {
  loop_.cancel(ticker_);
  loop_.cancel(deadline_);
}

bool LoadRun::start_worker(Crew& crew) {
  const std::size_t member = members_.size();
  const auto fellows = std::ranges::count(members_, &crew, &Member::crew);
  std::string name = fmt::format("Worker {}{}", fellows,
                                 crew.name().empty() ? "" : fmt::format(" of {}", crew.name()));
  auto worker = crew.start({.said = [this, member](std::string_view line) { hear(member, line); },
                            .printed =
                                [this, member](std::string_view line) {
                                  if (!dog_.printed(member, line))
                                    calls_.printed(std::int64_t(member), line);
                                },
                            .ended = [this, member](const WorkerEnd& how) { gone(member, how); }});
  if (!worker) {
    end(std::unexpected(worker.error()));
    return false;
  }
  const bool runs_users = &crew != &here_ || options_.agents.empty();
  members_.push_back({.worker = std::move(*worker),
                      .crew = &crew,
                      .name = std::move(name),
                      .runs_users = runs_users,
                      .is_over = !runs_users,
                      .has_stopped = !runs_users});
  order_.is_shipped = member == 0 && !runs_users;
  members_.back().worker->tell(to_line(order_));
  dog_.watch(member, &crew == &here_);
  return true;
}

// The first one has told the plan, by which there are more of them.
bool LoadRun::start_others(const WorkerLoaded& loaded) {
  const auto start = [&](Crew& crew, std::int64_t from) {
    for (std::int64_t k = from; k < crew.workers(); ++k)
      if (!start_worker(crew)) return false;
    return true;
  };
  if (options_.agents.empty()) return start(here_, 1);
  return ship(loaded) &&
         std::ranges::all_of(options_.agents, [&](Crew* agent) { return start(*agent, 0); });
}

bool LoadRun::ship(const WorkerLoaded& loaded) {
  std::vector<std::string> names = loaded.files;
  if (!order_.ca_file.empty()) names.push_back(order_.ca_file);
  auto bundle = read_bundle(std::move(names));
  if (!bundle) {
    end(problem(Problem::Kind::invalid,
                fmt::format("{}: {}\n", options_.file, bundle.error().what)));
    return false;
  }
  bundle->files.push_back({.name = "/.utakata-resolved.json", .bytes = loaded.resolved});
  const auto shared = std::make_shared<const Bundle>(std::move(*bundle));
  for (Crew* const agent : options_.agents) agent->send(shared);
  return true;
}

void LoadRun::hear(std::size_t member, std::string_view line) {
  if (phase_ == Phase::ended) return;
  dog_.heard(member);
  const auto word = worker_word(line);
  if (!word) return end(std::unexpected(word.error()));
  std::visit([&](const auto& one) { hear(member, one); }, *word);
}

bool LoadRun::all(bool Member::* has) const {
  return std::ranges::all_of(members_, [&](const Member& one) { return one.is_gone || one.*has; });
}

bool LoadRun::is_anybody_left() const {
  return std::ranges::any_of(members_,
                             [](const Member& one) { return one.runs_users && !one.is_gone; });
}

void LoadRun::tell_runners(const std::string& line) {
  for (const Member& member : members_)
    if (member.runs_users && !member.is_gone) member.worker->tell(line);
}

void LoadRun::hear(std::size_t member, const WorkerLoaded& loaded) {
  members_[member].is_loaded = true;
  if (member == 0) {
    if (!take_plan(loaded)) return;
    if (options_.agents.empty()) check_host();
    if (phase_ != Phase::loading || !start_others(loaded)) return;
  }
  if (all(&Member::is_loaded)) set_up();
}

void LoadRun::set_up() {
  phase_ = Phase::setting_up;
  members_[0].worker->tell(setup_line());
}

// What the tested servers are is not known here: on loopback, addresses to dial from are found as
// they are needed.
void LoadRun::check_host() {
  const bool has_sources = options_.sources > 0;
  Preflight found =
      preflight({.peak = peak(plan_),
                 .sources = has_sources ? options_.sources : 1,
                 .workers = options_.workers > 0 ? std::optional(options_.workers) : std::nullopt},
                options_.host);
  for (Finding& one : found.findings)
    if (one.limit == Limit::ports && !has_sources) one.severity = Severity::warning;
  here_.workers(found.workers);
  for (const Finding& one : found.findings) report_.notes.push_back("Before the run: " + one.what);
  if (calls_.checked) calls_.checked(found);
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
    left_open_ += done.left_open;
    if (phase_ == Phase::stopping && all(&Member::has_stopped)) tear_down();
  } else if (done.what == "teardown" && phase_ == Phase::tearing_down) {
    end({});
  }
}

Duration LoadRun::starts_in(std::size_t bytes) const {
  if (options_.agents.empty()) return kStartsIn;
  Duration round_trip{};
  for (const Crew* const agent : options_.agents)
    round_trip = std::max(round_trip, 2 * agent->clock().error);
  return kAgentsStartIn + 2 * round_trip +
         from_seconds(double(bytes) * to_seconds(kMegabyteTakes) / 1e6);
}

void LoadRun::start() {
  phase_ = Phase::running;
  dog_.be(kRunning);
  StartOrder order{.plan = plan_json_, .data = data_};
  order.workers = std::ranges::count_if(
      members_, [](const Member& one) { return one.runs_users && !one.is_gone; });
  started_ = order.at = loop_.now() + starts_in(std::size_t(order.workers) * data_.size());
  report_.started = net::SystemClock().wall();
  for (const Member& member : members_) {
    if (!member.runs_users || member.is_gone) continue;
    order.clock_offset = member.crew->clock().offset;
    member.worker->tell(to_line(order));
    ++order.worker;
  }
  tell_clocks();
  if (options_.is_paused) pause(true);
  deadline_ = loop_.after(started_ - loop_.now() + kTold,
                          [this] { ticker_ = loop_.every(1s, [this] { tick(); }); });
}

// Clocks of hosts drift apart, and are measured all the time.
void LoadRun::tell_clocks() {
  for (const Member& member : members_) {
    if (!member.runs_users || member.is_gone || options_.agents.empty()) continue;
    const CrewClock clock = member.crew->clock();
    clock_error_ = std::max(clock_error_, clock.error);
    member.worker->tell(clock_line(clock.offset));
  }
}

double LoadRun::seconds_in() const {
  return to_seconds(std::max(loop_.now() - started_, Duration{}));
}

Duration LoadRun::plan_time() const {
  return paused_at_.value_or(loop_.now()) - started_ - paused_;
}

LoadState LoadRun::state() const {
  LoadState state{
      .phase = phase_, .is_paused = paused_at_.has_value(), .factor = factor_, .unshown = unshown_};
  if (phase_ == Phase::loading || phase_ == Phase::setting_up) return state;
  const Duration time = std::max(plan_time(), Duration{});
  state.plan_time = report_.planned > 0s ? std::min(time, report_.planned) : time;
  const Wanted now = wanted(plan_, plan_time(), factor_);
  state.users = now.users;
  state.arrivals = now.arrivals;
  return state;
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
  const Duration untold = phase_ == Phase::tearing_down ? 0s : kTold;
  const Duration until = std::max(loop_.now() - started_ - untold, report_.elapsed);
  now.at = report_.elapsed;
  now.length = until - report_.elapsed;
  timeline_.add(now, second_);
  report_.elapsed = until;
  report_.generator = watch_.health();
  report_.doubts = doubts_of(report_);
  if (!all_lost_.empty()) report_.doubts.push_back(all_lost_);
  judge_thresholds();
  if (++ticks_ % kClockEvery == 0) tell_clocks();
  calls_.ticked(now, second_);
  second_ = Metrics();
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
  members_[member].has_ticked = true;
  watch_.add({.worker = std::int64_t(member),
              .length = from_seconds(tick.length_ms / 1000),
              .lag_ms = tick.lag_ms,
              .gc_ms = tick.gc_ms,
              .cpu = tick.cpu,
              .resident_mb = tick.resident_mb,
              .late_ms = tick.late_ms,
              .backlog_bytes = tick.backlog_bytes});
  unshown_ += tick.unshown;
  for (const LoadFault& fault : tick.faults) add_fault(report_.faults, fault);
}

// What does not fit once does not fit in the next second either: it is said once.
void LoadRun::hear(std::size_t member, const WorkerMetrics& metrics) {
  for (Metrics* const into : {&report_.metrics, &second_}) {
    const auto added = into->add(metrics.line);
    if (added) continue;
    std::string note = fmt::format("{}: {} What it measured in seconds with it is missing.",
                                   members_[member].name, added.error().what);
    if (std::ranges::find(report_.notes, note) == report_.notes.end())
      report_.notes.push_back(std::move(note));
  }
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

void LoadRun::stop(LoadEnd why) {
  if (phase_ == Phase::loading || phase_ == Phase::setting_up)
    return end(problem(Problem::Kind::unavailable, "it was stopped before it began.\n"));
  const bool is_over = phase_ == Phase::stopping || phase_ == Phase::tearing_down;
  if (is_over && why == LoadEnd::stopped) return hurry();
  if (phase_ != Phase::running) return;
  pause(false);
  phase_ = Phase::stopping;
  report_.end = why;
  const bool had_time = why == LoadEnd::done;  // graceful stop is over, or nobody is busy
  const Duration within = had_time ? 0s : plan_.graceful_stop;
  tell_runners(stop_line(within));
  loop_.cancel(deadline_);
  deadline_ = loop_.after(within + kPatience, [this] { tear_down(); });
  if (all(&Member::has_stopped)) tear_down();
}

// Who is told again wants no more of it.
void LoadRun::hurry() {
  if (phase_ == Phase::tearing_down) {
    if (report_.end != LoadEnd::stopped && !std::exchange(is_hurried_, true)) return;
    report_.notes.emplace_back("teardown() was not waited for.");
    return end({});
  }
  tell_runners(stop_line(0s));
  loop_.cancel(deadline_);
  deadline_ = loop_.after(kHurry, [this] { tear_down(); });
}

// The last word of all has been heard, or waited for long enough.
void LoadRun::tear_down() {
  if (phase_ != Phase::stopping) return;
  for (std::size_t k = 0; k < members_.size(); ++k)
    if (!members_[k].has_stopped && !members_[k].is_gone)
      report_.notes.push_back(fmt::format(
          "{} did not stop when it was told to: its last second is missing.", members_[k].name));
  if (left_open_ > 0)
    report_.notes.push_back(fmt::format(
        "{} sockets stayed open when their users were done: the scenario does not close them.",
        left_open_));
  phase_ = Phase::tearing_down;
  loop_.cancel(ticker_);
  if (!options_.agents.empty())
    report_.notes.push_back(fmt::format(
        "Clocks of the agents are known to within {:.2f} ms: delays from one to another are as "
        "exact.",
        to_seconds(clock_error_) * 1000));
  tick();
  loop_.cancel(deadline_);
  const auto worker = std::ranges::find(members_, false, &Member::is_gone);
  if (worker == members_.end()) {
    report_.notes.emplace_back("teardown() was not run: there was no worker left.");
    return end({});
  }
  deadline_ = loop_.after(std::max(plan_.graceful_stop, kPatience), [this] {
    report_.notes.push_back("teardown() did not end in time.");
    end({});
  });
  worker->tears_down = true;
  worker->worker->tell(teardown_line(data_));
}

void LoadRun::pause(bool is_paused) {
  if (is_paused == paused_at_.has_value() || phase_ != Phase::running) return;
  if (is_paused)
    paused_at_ = loop_.now();
  else
    paused_ += loop_.now() - *std::exchange(paused_at_, std::nullopt);
  tell_runners(pause_line(is_paused));
}

void LoadRun::more(double factor) {
  if (phase_ != Phase::running) return;
  factor_ = std::clamp(factor, 0.0, 1000.0);
  tell_runners(more_line(factor_));
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
