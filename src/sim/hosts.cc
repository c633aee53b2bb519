#include "sim/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>

namespace utakata {
namespace {

constexpr std::uint32_t kFirstPid = 1000;
constexpr Duration kNewsTime{1ms};     // from something happening to the controller's being woken
constexpr Duration kAnswerTime{20ms};  // of a probe
constexpr Duration kSlowAnswerTime{750ms};  // just before its deadline

// Box and Muller, one of the two.
double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

}  // namespace

Guest* Hosts::find(const InstanceId& id) {
  const auto known = index_.find(id);
  return known == index_.end() || guests_[known->second].phase == Guest::Phase::gone
             ? nullptr
             : &guests_[known->second];
}

int Hosts::starts(const InstanceId& id) const {
  const auto known = index_.find(id);
  return known == index_.end() ? 0 : guests_[known->second].starts;
}

Guest* Hosts::find_handle(std::string_view handle) {
  std::uint32_t pid = 0;
  if (!handle.starts_with("pid ")) return nullptr;
  std::from_chars(handle.data() + 4, handle.data() + handle.size(), pid);
  const std::uint32_t index = pid - kFirstPid;
  return index < guests_.size() && guests_[index].phase != Guest::Phase::gone ? &guests_[index]
                                                                              : nullptr;
}

Guest& Hosts::make(const InstanceId& id, const std::string& cluster) {
  const auto index = std::uint32_t(guests_.size());
  Guest& guest = guests_.emplace_back();
  guest.id = id;
  guest.index = index;
  guest.cluster = cluster;
  guest.handle = fmt::format("pid {}", kFirstPid + index);
  guest.address = {"127.0.0.1", std::uint16_t(20'000 + next_port_++ % 40'000)};
  guest.is_owned = true;
  guest.boots_badly = random_.unit() < habits.bad_boots;
  return guest;
}

void Hosts::enlist(const Guest& guest) {
  index_[guest.id] = guest.index;
  there_.push_back(guest.index);
  there_of_[guest.cluster].push_back(guest.index);
}

void Hosts::delist(const Guest& guest) {
  std::erase(there_, guest.index);
  std::erase(there_of_[guest.cluster], guest.index);
}

// The controller recorded its handle, and not that of the one known by this id till now.
void Hosts::be_the_one(Guest& twin) {
  Guest& other = guests_[index_[twin.id]];
  twin.decided = other.decided;
  delist(other);
  std::erase(twins_, twin.index);
  enlist(twin);
  if (other.phase != Guest::Phase::gone) twins_.push_back(other.index);
}

// The gate stands, and the controller hears of it.
void Hosts::enter(std::uint32_t index) {
  Guest& guest = guests_[index];
  if (guest.phase != Guest::Phase::asked) return;
  guest.phase = Guest::Phase::gated;
  guest.gated_at = timeline_.now();
  if (guest.is_owned)
    tell({.kind = ProviderNews::Kind::launched,
          .id = guest.id,
          .handle = guest.handle,
          .address = guest.address,
          .what = {},
          .host = host_of(guest),
          .zone = zone_of(guest)});
}

void Hosts::boot(std::uint32_t index) {
  Guest& guest = guests_[index];
  guest.phase = Guest::Phase::booting;
  ++guest.starts;
  const Duration takes = from_seconds(to_seconds(habits.boot) * std::exp(0.25 * normal(random_)));
  timeline_.after(takes, [this, index] {
    Guest& guest = guests_[index];
    if (guest.phase != Guest::Phase::booting) return;
    if (guest.boots_badly) return die(guest, "exit code 1");
    guest.phase = Guest::Phase::serving;
    guest.serving_since = timeline_.now();
  });
}

void Hosts::die(Guest& guest, const std::string& what) {
  if (guest.phase == Guest::Phase::gone) return;
  guest.phase = Guest::Phase::gone;
  if (std::erase(twins_, guest.index) == 0) {
    delist(guest);
    on_gone(guest);
  }
  if (guest.is_owned)
    tell({.kind = ProviderNews::Kind::gone,
          .id = guest.id,
          .handle = guest.handle,
          .address = {},
          .what = what,
          .host = host_of(guest),
          .zone = zone_of(guest)});
}

void Hosts::lose(int machine) {
  machines[std::size_t(machine)].is_up = false;
  std::vector<std::uint32_t> all = there_;
  all.insert(all.end(), twins_.begin(), twins_.end());
  for (const std::uint32_t index : all) {
    if (guests_[index].machine != machine) continue;
    guests_[index].is_lost_with_host = true;
    die(guests_[index], "its host is lost");
  }
}

const std::string& Hosts::host_of(const Guest& guest) const {
  static const std::string none;
  return guest.machine < 0 ? none : machines[std::size_t(guest.machine)].name;
}

const std::string& Hosts::zone_of(const Guest& guest) const {
  static const std::string none;
  return guest.machine < 0 ? none : machines[std::size_t(guest.machine)].zone;
}

// The one that is named; else the emptiest that has room. -1: it takes none.
int Hosts::machine_for(const LaunchSpec& spec) const {
  int best = -1;
  std::ptrdiff_t fewest = 0;
  for (int k = 0; k < int(machines.size()); ++k) {
    const Host& host = machines[std::size_t(k)];
    const bool is_meant = (spec.host.empty() || spec.host == host.name) &&
                          (spec.zone.empty() || spec.zone == host.zone);
    if (!is_meant || !host.is_up || !host.is_open || habits.full_machine == k) continue;
    const auto there = std::ranges::count_if(
        there_, [&](std::uint32_t index) { return guests_[index].machine == k; });
    if (best < 0 || there < fewest) best = k, fewest = there;
  }
  return best;
}

void Hosts::freeze(Guest& guest, Duration time) {
  if (guest.is_frozen) return;
  guest.is_frozen = true;
  on_freeze(guest);
  timeline_.after(time, [&guest] { guest.is_frozen = false; });
}

void Hosts::told(std::span<const std::uint32_t> asked, std::span<const Sight> sights, bool late) {
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i] == kNone) continue;
    Guest& guest = guests_[asked[i]];
    Guest::Told& told = guest.told;
    const bool is_known = guest.decided != Lifecycle::starting || told.count;
    if (sights[i].answered || late)
      told.misses = 0;
    else if (is_known && ++told.misses >= 2)
      told.suspect_at = timeline_.now();
    if (!sights[i].count) continue;
    told.count = sights[i].count;
    told.zeros = told.count->connections == 0 && guest.on_the_way == 0 ? told.zeros + 1 : 0;
    if (guest.on_the_way == 0 && ++guest.counts_alone >= 4) guest.is_one_owed = false;
  }
}

void Hosts::forget_told() {
  for (const std::uint32_t index : there_) guests_[index].told = {};
}

int Hosts::told_count(Guest& guest) {
  if (!habits.is_probe_lying) return guest.connections;
  guest.was_lied_about = true;
  return int(random_.below(std::uint64_t(2 * guest.connections + 2)));
}

void Hosts::tell(ProviderNews news) {
  if (!provider_) return;
  if (habits.repeats_news)
    timeline_.after(from_seconds(5 * random_.unit()), [this, news, from = provider_] {
      if (provider_ != from) return;
      provider_->news_.push_back(news);
      if (provider_->wake_) provider_->wake_();
    });
  provider_->news_.push_back(std::move(news));
  if (provider_->news_.size() > 1) return;  // it is woken already
  timeline_.after(kNewsTime, [this] {
    if (provider_ && !provider_->news_.empty() && provider_->wake_) provider_->wake_();
  });
}

HostsProvider::HostsProvider(Hosts& hosts) : hosts_(hosts) { hosts_.provider_ = this; }

HostsProvider::~HostsProvider() {
  hosts_.provider_ = nullptr;
  std::vector<std::uint32_t> all = hosts_.there_;
  all.insert(all.end(), hosts_.twins_.begin(), hosts_.twins_.end());
  for (const std::uint32_t index : all) {
    Guest& guest = hosts_.guests_[index];
    guest.is_owned = false;
    if (guest.phase == Guest::Phase::asked || guest.phase == Guest::Phase::gated)
      hosts_.die(guest, "its gate closed");
  }
}

Expected<void> HostsProvider::launch(const InstanceId& id, const LaunchSpec& spec) {
  if (hosts_.find(id)) return {};
  if (hosts_.habits.refuses)
    return problem(Problem::Kind::unavailable, "the process table is full", true);
  const int machine = hosts_.machine_for(spec);
  if (machine < 0 && !hosts_.machines.empty())
    return problem(Problem::Kind::unavailable, "there is no room on " + spec.host, true);
  Guest& guest = hosts_.make(id, spec.cluster);
  guest.machine = machine;
  hosts_.enlist(guest);
  Duration takes = hosts_.habits.launch;
  if (hosts_.habits.launches_twice) {
    const std::uint32_t twin = hosts_.make(id, spec.cluster).index;
    hosts_[twin].machine = machine;
    hosts_.twins_.push_back(twin);
    Duration twin_takes = takes + from_seconds(5 * hosts_.random_.unit());
    if (hosts_.random_.below(2) == 0) std::swap(takes, twin_takes);
    hosts_.timeline_.after(twin_takes, [&hosts = hosts_, twin] { hosts.enter(twin); });
  }
  hosts_.timeline_.after(takes, [&hosts = hosts_, index = guest.index] { hosts.enter(index); });
  return {};
}

void HostsProvider::release(const InstanceId& id, const std::string& handle) {
  for (const std::uint32_t index : std::vector(hosts_.twins_))
    if (Guest& twin = hosts_[index]; twin.id == id && twin.handle == handle)
      hosts_.be_the_one(twin);
  Guest* const guest = hosts_.find(id);
  const auto end_at_gate = [&](Guest& other) {
    if (other.phase == Guest::Phase::gated) hosts_.die(other, "ended before it was released");
  };
  for (const std::uint32_t index : std::vector(hosts_.twins_))
    if (hosts_[index].id == id) end_at_gate(hosts_[index]);
  if (!guest) return;
  if (guest->handle != handle) return end_at_gate(*guest);
  if (guest->phase == Guest::Phase::gated) hosts_.boot(guest->index);
}

void HostsProvider::adopt(const InstanceId& id, const std::string& handle, const Address&) {
  Guest* guest = hosts_.find(id);
  if (!guest || (!handle.empty() && handle != guest->handle)) {
    hosts_.tell({.kind = ProviderNews::Kind::gone,
                 .id = id,
                 .handle = handle,
                 .address = {},
                 .what = handle.empty() ? "was never started" : "ended while nobody watched"});
    return;
  }
  guest->is_owned = true;
  if (handle.empty())
    hosts_.tell({.kind = ProviderNews::Kind::launched,
                 .id = id,
                 .handle = guest->handle,
                 .address = guest->address,
                 .what = {},
                 .host = hosts_.host_of(*guest),
                 .zone = hosts_.zone_of(*guest)});
}

Expected<void> HostsProvider::stop(const InstanceId& id, Duration grace) {
  Guest* guest = hosts_.find(id);
  if (!guest || guest->phase == Guest::Phase::stopping) return {};
  hosts_.on_stop(*guest);
  const bool ran = guest->phase == Guest::Phase::booting || guest->phase == Guest::Phase::serving;
  guest->phase = Guest::Phase::stopping;
  // Who is frozen does not hear SIGTERM, and ends by SIGKILL.
  const Duration takes = !ran ? Duration{0} : guest->is_frozen ? grace : hosts_.habits.stop;
  hosts_.timeline_.after(
      takes, [&hosts = hosts_, index = guest->index] { hosts.die(hosts[index], "exit code 0"); });
  return {};
}

void HostsProbe::look(std::span<const ProbeTarget> targets, Duration deadline, Done done) {
  std::vector<Sight> sights(targets.size());
  std::vector<std::uint32_t> asked(targets.size(), Hosts::kNone);
  bool all_answer = true;
  const Duration takes = hosts_.habits.is_probe_slow ? kSlowAnswerTime : kAnswerTime;
  const Instant answered = timeline_.now() + takes;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Sight& sight = sights[i];
    sight.asked = true;
    Guest* const guest = hosts_.find_handle(targets[i].handle);
    if (guest) asked[i] = guest->index;
    const bool refuses = !guest || !guest->is_frozen;  // nobody listens: that is known at once
    if (!guest || !guest->answers() || hosts_.habits.is_probe_broken) {
      sight.problem = "no answer";
      all_answer &= refuses && !hosts_.habits.is_probe_broken;
      continue;
    }
    sight.answered = sight.ready = true;
    guest->last_answer = timeline_.now();
    sight.count = Count{hosts_.told_count(*guest), answered};
    if (!spec_.count.accepted.empty()) sight.accepted = guest->accepted;
    if (spec_.metrics.size() == 1) continue;  // the count itself
    sight.metrics.assign(spec_.metrics.size(), std::numeric_limits<double>::quiet_NaN());
    sight.metrics[0] = sight.count->connections;
    for (std::size_t k = 1; k < spec_.metrics.size(); ++k)
      if (spec_.metrics[k] == "cpu")  // a server that is sized well: 80 % when it is full
        sight.metrics[k] = 5 + 75.0 * guest->connections / spec_.capacity;
  }
  timeline_.after(
      all_answer ? takes : deadline,
      [asked = std::move(asked), sights = std::move(sights), done = std::move(done)]() mutable {
        done(std::move(asked), std::move(sights));
      });
}

}  // namespace utakata
