#include "sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace utakata {
namespace {

constexpr int kSamples = 600;

Duration percentile(std::vector<std::uint32_t>& numbers, double share) {
  if (numbers.empty()) return {};
  const auto at = numbers.begin() + std::ptrdiff_t(share * double(numbers.size() - 1));
  std::ranges::nth_element(numbers, at);
  return std::chrono::milliseconds{*at};
}

}  // namespace

Simulation::Simulation(const SimOptions& options)
    : options_(options),
      timeline_(options.began),
      hosts_(timeline_, options.seed * 3 + 1),
      people_(timeline_, hosts_, options.seed * 5 + 2),
      random_(options.seed) {
  hosts_.habits.boot = options.boot;
  hosts_.habits.stop = options.stop;
  hosts_.machines = options.hosts;
  add_controllers();
  for (const ClusterSpec& spec : options.stack.clusters) add_cluster(spec);
  watch();
}

// Several: on machines of their own, so that no two monotonic clocks agree, nor the wall clocks.
void Simulation::add_controllers() {
  Random random(options_.seed * 7 + 5);
  const auto count = std::size_t(std::max(1, options_.controllers));
  if (count > 1) company_ = std::make_unique<Company>(timeline_, hosts_, options_.seed);
  for (std::size_t i = 0; i < count; ++i) {
    lives_.push_back(
        std::make_unique<Lives>(timeline_, hosts_, record_, options_.stack, options_.seed));
    lives_[i]->unfit = options_.unfit;
    if (!company_) continue;
    lives_[i]->join({.company = *company_,
                     .name = std::string(1, char('a' + i)),
                     .ahead = from_seconds(100'000 * random.unit()),
                     .give_back_after = options_.give_back_after});
    lives_[i]->clock().wall_ahead =
        std::chrono::milliseconds{std::int64_t(random.below(20'000)) - 10'000};
  }
  awake_.resize(count);
}

void Simulation::add_cluster(const ClusterSpec& spec) {
  const bool is_meant = options_.cluster.empty() ? spec.instances_max > spec.instances_min
                                                 : options_.cluster == spec.name;
  people_.add({.cluster = spec.name,
               .load = is_meant ? options_.load : LoadCurve{},
               .session = options_.session,
               .patience = spec.heal.clients_wait,
               .seats_per_key = spec.seats_per_key,
               .reconnect = options_.reconnect,
               .dawdlers = options_.dawdlers,
               .friends = options_.friends,
               .nostalgics = options_.nostalgics,
               .door = company_.get()});
  watched_.push_back({.spec = &spec, .promises = make_promises(), .shown = {.name = spec.name}});
}

std::string Simulation::moment() const {
  return to_text(std::chrono::floor<std::chrono::seconds>(timeline_.since_begin()));
}

void Simulation::second() {
  for (std::size_t i = 0; i < lives_.size(); ++i)
    if (const bool is_up = lives_[i]->is_up(); is_up != std::exchange(awake_[i].was_up, is_up))
      awake_[i].since = timeline_.now();
  if (company_) judge_owners();
  for (std::uint32_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = watched_[i];
    if (!company_) people_.crowd(i).ledger = lives_[0]->own_ledger(watched.spec->name);
    if (company_) note_hearing(watched);
    SimWorld world = world_of(watched);
    world.census = census(watched.spec->name);
    for (auto& promise : watched.promises) promise->second(world);
    watched.instance_seconds += double(hosts_.there(watched.spec->name).size());
    watched.shown.serving_most = std::max(watched.shown.serving_most, world.census.serving);
  }
  people_.second();
}

Census Simulation::census(const std::string& cluster) {
  Census census;
  for (const std::uint32_t index : hosts_.there(cluster)) {
    Guest& guest = hosts_[index];
    if (guest.on_the_way > 0) guest.counts_alone = 0;
    census.serving += guest.phase == Guest::Phase::serving;
    census.answering += guest.answers();
    census.suspected += guest.told.suspect_at.has_value();
    ++census.decided[std::size_t(guest.decided)];
  }
  return census;
}

void Simulation::sample(Watched& watched, std::uint32_t index) {
  const Crowd& crowd = people_.crowd(index);
  SimSample sample{.at = timeline_.since_begin()};
  Lives* const lives = company_ ? watched.acting : lives_[0].get();
  Control* const control = lives ? lives->control() : nullptr;
  if (control)
    if (const Plan* plan = control->last_plan(watched.spec->name))
      sample.wanted = plan->want.instances;
  if (const Fleet* fleet = control ? control->fleet(watched.spec->name) : nullptr)
    for (const Instance& i : fleet->instances) {
      sample.starting += i.lifecycle == Lifecycle::starting;
      sample.serving += i.lifecycle == Lifecycle::serving;
      sample.draining += i.lifecycle == Lifecycle::draining;
    }
  sample.wishing = crowd.wishing;
  sample.connections = crowd.connections;
  sample.capacity = std::int64_t{sample.serving} * watched.spec->capacity;
  const SimCuts& cuts = crowd.cuts;
  const std::int64_t cut = cuts.by_faults + cuts.by_healing + cuts.by_deadline + cuts.by_scaling;
  sample.refused = crowd.refused - std::exchange(watched.refused, crowd.refused);
  sample.cut = cut - std::exchange(watched.cut, cut);
  watched.shown.samples.push_back(sample);
}

void Simulation::gather() {
  result_.activities = record_.activities(options_.began);
  for (std::uint32_t i = 0; i < watched_.size(); ++i) {
    Crowd& crowd = people_.crowd(i);
    SimCluster& shown = watched_[i].shown;
    shown.instance_hours = watched_[i].instance_seconds / 3600;
    shown.cost = shown.instance_hours * options_.stack.price.instance_hour;
    shown.arrivals = crowd.arrivals;
    shown.placements = crowd.placements;
    shown.refused = crowd.refused;
    shown.cuts = crowd.cuts;
    shown.sent_away = crowd.sent_away;
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
  const int kinds = company_ ? kFaultKinds : kFaultKindsAlone;
  for (const Fault& fault : draw_faults(random_, options_.faults_per_hour, length, kinds))
    schedule(fault);
  for (const Fault& fault : options_.faults) schedule(fault);
  for (const SimCall& one : options_.calls)
    timeline_.after(one.at, [this, one] { call(one.call); });
  for (auto& lives : lives_) lives->begin();
  const auto seconds = length / 1s;
  const auto every = std::max<std::int64_t>(1, seconds / kSamples);
  for (std::int64_t k = 0; k < seconds; ++k) {
    second();
    for (std::uint32_t i = 0; k % every == 0 && i < watched_.size(); ++i) sample(watched_[i], i);
    if (k % 60 == 0 && !options_.on_progress(k * 1s)) break;
    for (bool is_whole = false; !is_whole;) try {
        timeline_.run_until(Timeline::kBegin + (k + 1) * 1s);
        is_whole = true;
      } catch (const Crash& crashed) {
        crash(*crashed.whose, from_seconds(0.5 + 5 * random_.unit()));
      }
  }
  result_.length = timeline_.since_begin();
  gather();
  result_.took_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return std::move(result_);
}

}  // namespace utakata
