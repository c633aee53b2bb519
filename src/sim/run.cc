#include "sim/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "sim/faults.h"
#include "sim/lives.h"
#include "sim/people.h"
#include "sim/promise.h"

namespace utakata {
namespace {

constexpr int kSamples = 600;
constexpr std::size_t kBrokenMax = 100;

class Simulation {
 public:
  explicit Simulation(const SimOptions& options)
      : options_(options),
        timeline_(options.began),
        hosts_(timeline_, options.seed * 3 + 1),
        people_(timeline_, hosts_, options.seed * 5 + 2),
        lives_(timeline_, hosts_, options.stack, options.seed),
        random_(options.seed) {
    hosts_.habits.boot = options.boot;
    make_promises();
    add_crowds();
    lives_.on_intent = [this](const Activity& intent) { intends(intent); };
    hosts_.on_stop = [this](Guest& guest) { stops(guest); };
    people_.on_connect = [this](const Guest& guest) {
      for (auto& promise : promises_) promise->connects(guest, *spec_of(guest.cluster));
    };
  }

  SimResult run();

 private:
  struct Watched {
    const ClusterSpec* spec;
    SimCluster shown;
    std::int64_t refused = 0, cut = 0;  // until the last sample
    double instance_seconds = 0;
  };

  void make_promises();
  void add_crowds();
  void second();
  void look_after(Watched& watched, std::uint32_t crowd);
  void sample(Watched& watched, std::uint32_t crowd);
  CutCause cause_of(const Instance& known) const;
  void intends(const Activity& intent);
  void stops(Guest& guest);
  void do_fault(const Fault& fault);
  void undo_later(Duration wait, std::function<void()> undo);
  Guest* victim(std::uint64_t draw);
  void note(std::string what);
  void crash(Duration away);
  void gather();
  const ClusterSpec* spec_of(const std::string& cluster) const;
  std::string moment() const;

  const SimOptions& options_;
  Timeline timeline_;
  Hosts hosts_;
  People people_;
  Lives lives_;
  Random random_;
  std::vector<Watched> watched_;  // parallel to the crowds
  std::vector<std::unique_ptr<Promise>> promises_;
  std::vector<std::vector<std::unique_ptr<Promise>>>
      promises_of_;  // those with a memory, by cluster
  Instant last_fault_{};
  int lasting_ = 0;  // faults that are not over
  SimResult result_;
};

std::string Simulation::moment() const {
  return to_text(std::chrono::floor<std::chrono::seconds>(timeline_.since_begin()));
}

const ClusterSpec* Simulation::spec_of(const std::string& cluster) const {
  for (const ClusterSpec& spec : options_.stack.clusters)
    if (spec.name == cluster) return &spec;
  return nullptr;
}

void Simulation::make_promises() {
  const auto broken = [this](const std::string& what) {
    if (result_.broken.size() < kBrokenMax)
      result_.broken.push_back(fmt::format("{} at {}", what, moment()));
  };
  for (const auto make : {promise_no_cut, promise_seats, promise_certainty, promise_reasons})
    promises_.push_back(make(broken));
  for (std::size_t i = 0; i < options_.stack.clusters.size(); ++i) {
    auto& own = promises_of_.emplace_back();
    for (const auto make : {promise_bounds, promise_crash_safe, promise_liveness})
      own.push_back(make(broken));
  }
}

void Simulation::add_crowds() {
  for (const ClusterSpec& spec : options_.stack.clusters) {
    const bool is_meant = options_.cluster.empty() ? spec.instances_max > spec.instances_min
                                                   : options_.cluster == spec.name;
    people_.add({.cluster = spec.name,
                 .load = is_meant ? options_.load : LoadCurve{},
                 .session = options_.session,
                 .patience = spec.heal.clients_wait,
                 .seats_per_key = spec.seats_per_key});
    watched_.push_back({.spec = &spec, .shown = {.name = spec.name}});
  }
}

// By what the controller knew when it decided: the reason why it may end this instance.
CutCause Simulation::cause_of(const Instance& known) const {
  if (known.suspect || known.misses > 0) return CutCause::healing;
  if (known.drain_cause == DrainCause::shutdown || known.drain_cause == DrainCause::by_hand)
    return CutCause::by_hand;
  return known.drain_left ? CutCause::deadline : CutCause::scaling;
}

void Simulation::intends(const Activity& intent) {
  Guest* const guest = intent.kind == "stop" ? hosts_.find({intent.instance}) : nullptr;
  const Fleet* const fleet = guest ? lives_.control()->fleet(intent.cluster) : nullptr;
  if (!fleet) return;
  const auto known = std::ranges::find(fleet->instances, guest->id, &Instance::id);
  if (known != fleet->instances.end()) guest->cut_cause = cause_of(*known);
}

void Simulation::stops(Guest& guest) {
  for (auto& promise : promises_)
    promise->stops({guest, guest.cut_cause, *spec_of(guest.cluster), timeline_.now()});
}

void Simulation::note(std::string what) {
  last_fault_ = timeline_.now();
  result_.faults.push_back({timeline_.since_begin(), std::move(what)});
}

Guest* Simulation::victim(std::uint64_t draw) {
  std::vector<std::uint32_t> serving;
  for (const std::uint32_t index : hosts_.there())
    if (hosts_[index].answers()) serving.push_back(index);
  return serving.empty() ? nullptr : &hosts_[serving[draw % serving.size()]];
}

void Simulation::undo_later(Duration wait, std::function<void()> undo) {
  ++lasting_;
  timeline_.after(wait, [this, undo = std::move(undo)] {
    undo();
    --lasting_;
    last_fault_ = timeline_.now();
  });
}

void Simulation::crash(Duration away) {
  for (std::uint32_t i = 0; i < watched_.size(); ++i) people_.crowd(i).ledger = nullptr;
  lives_.crash();
  undo_later(away, [this] { lives_.begin(); });
}

void Simulation::do_fault(const Fault& fault) {
  Hosts::Habits& habits = hosts_.habits;
  const std::string lasting =
      fmt::format("{} for {}", to_text(fault.kind),
                  to_text(std::chrono::floor<std::chrono::seconds>(fault.lasts)));
  switch (fault.kind) {
    case FaultKind::kill:
      if (Guest* guest = victim(fault.draw)) {
        note(fmt::format("kill of {} with {} on it", guest->id.text, guest->connections));
        hosts_.die(*guest, "killed by signal 9 (SIGKILL)");
      }
      return;
    case FaultKind::freeze:
      if (Guest* guest = victim(fault.draw)) {
        note(fmt::format("{}: {} with {} on it", lasting, guest->id.text, guest->connections));
        hosts_.freeze(*guest, fault.lasts);
        undo_later(fault.lasts, [] {});
      }
      return;
    case FaultKind::lose_host: {
      int lost = 0;
      for (const std::uint32_t index : std::vector(hosts_.there()))
        if (hosts_[index].is_there() && (fault.draw + index) % 3 == 0)
          hosts_.die(hosts_[index], "its host is lost"), ++lost;
      return note(fmt::format("a host is lost, with {}", plural(lost, "instance")));
    }
    case FaultKind::bad_boots:
      note(lasting);
      habits.bad_boots = 1;
      return undo_later(fault.lasts, [&habits] { habits.bad_boots = 0; });
    case FaultKind::refusals:
      note(lasting);
      habits.refuses = true;
      return undo_later(fault.lasts, [&habits] { habits.refuses = false; });
    case FaultKind::slow_boots:
      note(lasting);
      habits.boot = 10 * options_.boot;
      undo_later(fault.lasts + 15 * options_.boot, [] {});  // until the last of them is up
      return undo_later(fault.lasts, [this] { hosts_.habits.boot = options_.boot; });
    case FaultKind::broken_probe:
      note(lasting);
      habits.is_probe_broken = true;
      return undo_later(fault.lasts, [&habits] { habits.is_probe_broken = false; });
    case FaultKind::crash_controller:
      if (!lives_.control()) return;
      note("crash of the controller");
      return lives_.crash_after(1 + int(fault.draw % 6));
    case FaultKind::freeze_controller:
      note(lasting);
      lives_.freeze(fault.lasts);
      return undo_later(fault.lasts, [] {});
    case FaultKind::full_store:
      note(lasting);
      lives_.store().set_full(true);
      return undo_later(fault.lasts, [this] { lives_.store().set_full(false); });
    case FaultKind::step_clock:
      note(to_text(fault.kind));
      return timeline_.step_wall(
          std::chrono::milliseconds{std::int64_t(fault.draw % 172'800'000) - 86'400'000});
  }
}

void Simulation::look_after(Watched& watched, std::uint32_t index) {
  Control* const control = lives_.is_up() ? lives_.control() : nullptr;
  const Fleet* const fleet = control ? control->fleet(watched.spec->name) : nullptr;
  const Plan* const plan = control ? control->last_plan(watched.spec->name) : nullptr;
  const SimWorld world{.spec = *watched.spec,
                       .hosts = hosts_,
                       .fleet = fleet,
                       .now = timeline_.now(),
                       .last_fault = lasting_ > 0 ? timeline_.now() : last_fault_,
                       .controller_since = lives_.since(),
                       .is_held_back = plan && !plan->held_back.empty()};
  for (auto& promise : promises_of_[index]) promise->second(world);
  int serving = 0;
  for (const std::uint32_t guest : hosts_.there()) {
    if (hosts_[guest].cluster != watched.spec->name) continue;
    watched.instance_seconds += 1;
    serving += hosts_[guest].phase == Guest::Phase::serving;
  }
  watched.shown.serving_most = std::max(watched.shown.serving_most, serving);
}

void Simulation::second() {
  for (std::uint32_t i = 0; i < watched_.size(); ++i) {
    people_.crowd(i).ledger = lives_.ledger(watched_[i].spec->name);
    look_after(watched_[i], i);
  }
  people_.second();
}

void Simulation::sample(Watched& watched, std::uint32_t index) {
  const Crowd& crowd = people_.crowd(index);
  SimSample sample{.at = timeline_.since_begin()};
  Control* const control = lives_.control();
  if (control)
    if (const Plan* plan = control->last_plan(watched.spec->name))
      sample.wanted = plan->want.instances;
  if (const Fleet* fleet = control ? control->fleet(watched.spec->name) : nullptr)
    for (const Instance& i : fleet->instances) {
      sample.starting += i.lifecycle == Lifecycle::starting;
      sample.serving += i.lifecycle == Lifecycle::serving;
      sample.draining += i.lifecycle == Lifecycle::draining;
    }
  sample.wishing = std::int64_t(crowd.there.size());
  sample.connections = crowd.connections;
  sample.capacity = std::int64_t{sample.serving} * watched.spec->capacity;
  const SimCuts& cuts = crowd.cuts;
  const std::int64_t cut = cuts.by_faults + cuts.by_healing + cuts.by_deadline + cuts.by_scaling;
  sample.refused = crowd.refused - std::exchange(watched.refused, crowd.refused);
  sample.cut = cut - std::exchange(watched.cut, cut);
  watched.shown.samples.push_back(sample);
}

Duration percentile(std::vector<std::uint32_t>& numbers, double share) {
  if (numbers.empty()) return {};
  const auto at = numbers.begin() + std::ptrdiff_t(share * double(numbers.size() - 1));
  std::ranges::nth_element(numbers, at);
  return std::chrono::milliseconds{*at};
}

void Simulation::gather() {
  result_.activities = lives_.activities(options_.began);
  for (auto& promise : promises_) promise->ends(hosts_, result_.activities);
  for (std::uint32_t i = 0; i < watched_.size(); ++i) {
    Crowd& crowd = people_.crowd(i);
    SimCluster& shown = watched_[i].shown;
    shown.instance_hours = watched_[i].instance_seconds / 3600;
    shown.cost = shown.instance_hours * options_.stack.price.instance_hour;
    shown.arrivals = crowd.arrivals;
    shown.placements = crowd.placements;
    shown.refused = crowd.refused;
    shown.cuts = crowd.cuts;
    shown.waited_p50 = percentile(crowd.waited_ms, 0.5);
    shown.waited_p99 = percentile(crowd.waited_ms, 0.99);
    shown.waited_most = percentile(crowd.waited_ms, 1);
    for (const Activity& one : result_.activities) {
      if (one.cluster != shown.name || one.phase != Activity::Phase::intent) continue;
      shown.launches += one.kind == "launch";
      shown.drains += one.kind == "drain";
      shown.heals += one.kind == "launch" && one.because.starts_with("substitute");
    }
    result_.clusters.push_back(std::move(shown));
  }
}

SimResult Simulation::run() {
  const auto started = std::chrono::steady_clock::now();
  const Duration length = options_.length > Duration{0} ? options_.length : options_.load.length();
  result_.stack = options_.stack.name;
  result_.load = options_.load.name;
  result_.seed = options_.seed;
  result_.began = options_.began;
  result_.currency = options_.stack.price.currency;
  for (const Fault& fault : draw_faults(random_, options_.faults_per_hour, length))
    timeline_.after(fault.at, [this, fault] { do_fault(fault); });
  lives_.begin();
  const auto seconds = length / 1s;
  const auto every = std::max<std::int64_t>(1, seconds / kSamples);
  for (std::int64_t k = 0; k < seconds; ++k) {
    second();
    for (std::uint32_t i = 0; k % every == 0 && i < watched_.size(); ++i) sample(watched_[i], i);
    if (k % 60 == 0 && !options_.on_progress(k * 1s)) break;
    for (bool is_whole = false; !is_whole;) try {
        timeline_.run_until(Timeline::kBegin + (k + 1) * 1s);
        is_whole = true;
      } catch (const Crash&) {
        crash(from_seconds(0.5 + 5 * random_.unit()));
      }
  }
  result_.length = timeline_.since_begin();
  gather();
  result_.took_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return std::move(result_);
}

}  // namespace

Expected<SimResult> simulate(const SimOptions& options) {
  const auto grows = [](const ClusterSpec& spec) {
    return spec.instances_max > spec.instances_min;
  };
  if (!options.cluster.empty() &&
      std::ranges::find(options.stack.clusters, options.cluster, &ClusterSpec::name) ==
          options.stack.clusters.end())
    return problem(Problem::Kind::invalid,
                   fmt::format("{} has no cluster `{}`: name one of its clusters",
                               options.stack.name, options.cluster));
  if (options.cluster.empty() && std::ranges::none_of(options.stack.clusters, grows))
    return problem(Problem::Kind::invalid,
                   fmt::format("no cluster of {} can grow: name the one whose people come with "
                               "--cluster",
                               options.stack.name));
  return Simulation(options).run();
}

}  // namespace utakata
