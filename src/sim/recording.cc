#include "sim/recording.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <unordered_map>

#include "fleet/model/observation_blob.h"

namespace utakata {
namespace {

constexpr Duration kPause = 30s;  // longer without a tick: nobody watched
constexpr Duration kBucket = 5s;  // of the curve of people
// So long who was cut, and who may be on one that does not answer, counts as still wishing to be
// there.
constexpr Duration kReturn = 15s, kSilence = 45s;
// A beginning so long before an end, or after it, makes it a replacement: two listings, or a boot.
constexpr Duration kTwinBefore = 10s, kTwinAfter = 60s;
constexpr double kHot = 0.9, kRoom = 0.75;
constexpr std::int64_t kDeparturesLeast = 20;  // fewer tell nothing about sessions

// Bytes that decode by chance do not count like instances.
bool is_sane(const SeenTick& tick, std::string_view cluster, WallTime at, int capacity) {
  if (tick.cluster != cluster || tick.observation.wall != at) return false;
  const auto& sights = tick.observation.sights;
  if (!sights.empty() && sights.size() != tick.instances.size()) return false;
  return tick.observation.waiting >= 0 && std::ranges::all_of(sights, [&](const Sight& sight) {
           return !sight.count || (sight.count->connections >= 0 &&
                                   sight.count->connections <= 1000 + 100LL * capacity);
         });
}

}  // namespace

const char* to_text(RecordedEnd::How how) {
  switch (how) {
    case RecordedEnd::How::scale_in:
      return "scaled in";
    case RecordedEnd::How::replaced:
      return "replaced";
    case RecordedEnd::How::restarted:
      return "restarted";
  }
  return "";
}

int needed_for(const ClusterSpec& spec, double people) {
  double needed = people / spec.capacity;
  for (const Rule& rule : spec.scale) {
    if (const auto* headroom = std::get_if<HeadroomRule>(&rule.kind);
        headroom && !headroom->is_auto)
      needed = std::max(needed,
                        (headroom->amount.is_percent ? people * (1 + headroom->amount.value / 100)
                                                     : people + headroom->amount.value) /
                            spec.capacity);
    if (const auto* target = std::get_if<TargetRule>(&rule.kind); target && target->metric == 0)
      needed = std::max(needed, people / target->each);
  }
  return std::clamp(int(std::min(1e6, std::ceil(needed))), spec.instances_min, spec.instances_max);
}

class Recording::Watcher {
 public:
  explicit Watcher(const ClusterSpec& spec) : spec_(spec) {
    shown_.name = spec.name;
    shown_.people.name = "recorded";
  }
  void add(const SeenTick& tick);
  RecordedCluster finish();
  const ClusterSpec& spec() const { return spec_; }

 private:
  struct Known {
    Duration since{};
    bool began_starting = false, serves = false, is_silent = false;
    int connections = 0;
    Instant counted_at{};
    std::optional<std::int64_t> accepted;
    std::uint64_t seen = 0;  // number of the tick
  };
  void advance(const SeenTick& tick);
  void look(const SeenInstance& seen, const Sight* sight);
  void count(Known& known, const std::string& id, const Sight& sight);
  void ended(const std::string& id, const Known& known, RecordedEnd::How how);
  void still_wishing(Duration time);
  void sum_up(const Observation& seen);
  RecordedMinute& minute();
  void pair_ends();

  const ClusterSpec& spec_;
  RecordedCluster shown_;
  std::unordered_map<std::string, Known> known_;
  std::vector<Duration> begun_, boots_;  // begun_: when instances came, the first tick's excepted
  std::vector<Duration> ended_at_;       // parallel to shown_.ends
  WallTime wall_{};
  Instant at_{};
  Duration since_{}, step_{};
  std::uint64_t ticks_ = 0;
  double people_before_ = 0, ghosts_ = 0, connection_seconds_ = 0;
  Duration ghosts_until_{-1};
  std::int64_t departures_ = 0;
};

// Recorded by the wall clock, which may have been stepped: then the monotonic one tells.
void Recording::Watcher::advance(const SeenTick& tick) {
  const Observation& seen = tick.observation;
  if (ticks_++ == 0) {
    shown_.began = seen.wall;
  } else {
    step_ = seen.wall - wall_;
    const Duration steady = seen.at - at_;
    const bool is_odd = step_ < Duration{0} || step_ > 1min;
    if (is_odd && steady >= Duration{0} && steady < 1min)
      step_ = steady;
    else if (step_ < Duration{0})
      step_ = {};
    since_ += step_;
    if (step_ > kPause) shown_.unseen += step_, step_ = {};
  }
  wall_ = seen.wall;
  at_ = seen.at;
}

RecordedMinute& Recording::Watcher::minute() {
  const Duration at = since_ / 60s * Duration(60s);
  if (shown_.minutes.empty() || shown_.minutes.back().at != at)
    shown_.minutes.push_back({.at = at});
  return shown_.minutes.back();
}

void Recording::Watcher::ended(const std::string& id, const Known& known, RecordedEnd::How how) {
  shown_.ends.push_back({wall_, id, how, known.connections});
  ended_at_.push_back(since_);
  shown_.cut += known.connections;
  minute().cut += known.connections;
  if (known.connections > 0) still_wishing(kReturn);
}

void Recording::Watcher::still_wishing(Duration time) {
  ghosts_ = people_before_;
  ghosts_until_ = since_ + time;
}

void Recording::Watcher::count(Known& known, const std::string& id, const Sight& sight) {
  const Count& count = *sight.count;
  if (known.accepted && sight.accepted) {
    const std::int64_t came = *sight.accepted - *known.accepted;
    if (came < 0) {
      ended(id, known, RecordedEnd::How::restarted);
    } else {
      departures_ += std::max<std::int64_t>(0, came - (count.connections - known.connections));
      connection_seconds_ +=
          known.connections * std::clamp(to_seconds(count.at - known.counted_at), 0.0, 30.0);
    }
  }
  known.connections = count.connections;
  known.counted_at = count.at;
  known.accepted = sight.accepted;
}

void Recording::Watcher::look(const SeenInstance& seen, const Sight* sight) {
  const auto [found, is_new] = known_.try_emplace(seen.id.text);
  Known& known = found->second;
  known.seen = ticks_;
  if (is_new) {
    known.since = since_;
    known.began_starting = seen.lifecycle == Lifecycle::starting && ticks_ > 1;
    if (ticks_ > 1) begun_.push_back(since_);
  }
  const bool serves = seen.lifecycle == Lifecycle::serving;
  if (serves && !known.serves && known.began_starting) boots_.push_back(since_ - known.since);
  known.serves = serves;
  const bool was_silent = known.is_silent;
  if (sight && sight->asked) known.is_silent = !sight->count;
  if (known.is_silent && !was_silent && known.connections > 0) still_wishing(kSilence);
  if (sight && sight->count) count(known, seen.id.text, *sight);
}

void Recording::Watcher::sum_up(const Observation& seen) {
  double clients = 0;
  int fullest = 0, emptiest = spec_.capacity;
  for (const auto& [id, known] : known_) {
    if (known.is_silent) continue;  // its clients may be elsewhere already
    clients += known.connections;
    if (!known.serves) continue;
    fullest = std::max(fullest, known.connections);
    emptiest = std::min(emptiest, known.connections);
  }
  double people = clients + seen.waiting;
  if (since_ <= ghosts_until_) people = std::max(people, ghosts_);
  people_before_ = people;
  auto& points = shown_.people.points;
  const Duration bucket = since_ / kBucket * kBucket;
  if (points.empty() || points.back().at != bucket)
    points.push_back({bucket, people});
  else
    points.back().connections = std::max(points.back().connections, people);

  const int there = int(known_.size());
  const int needed = needed_for(spec_, people);
  const double hours = to_seconds(step_) / 3600;
  shown_.instance_hours += there * hours;
  shown_.idle_hours += std::max(0, there - needed) * hours;
  shown_.there_most = std::max(shown_.there_most, there);
  shown_.waiting_most = std::max<std::int64_t>(shown_.waiting_most, seen.waiting);
  RecordedMinute& now = minute();
  now.seen += step_;
  now.there = std::max(now.there, there);
  now.needed = std::max(now.needed, needed);
  now.needed_seconds += needed * to_seconds(step_);
  now.clients = std::max(now.clients, std::int64_t(clients));
  now.waiting = std::max<std::int64_t>(now.waiting, seen.waiting);
  now.is_hot |= fullest > kHot * spec_.capacity && emptiest < kRoom * spec_.capacity;
}

void Recording::Watcher::add(const SeenTick& tick) {
  advance(tick);
  const auto& sights = tick.observation.sights;
  if (!tick.observation.hosts.empty()) shown_.hosts = tick.observation.hosts;
  for (std::size_t i = 0; i < tick.instances.size(); ++i)
    if (tick.instances[i].lifecycle != Lifecycle::gone)
      look(tick.instances[i], sights.empty() ? nullptr : &sights[i]);
  std::vector<std::string> lost;
  for (const auto& [id, known] : known_)
    if (known.seen != ticks_) lost.push_back(id);
  std::ranges::sort(lost);
  for (const std::string& id : lost) {
    ended(id, known_[id], RecordedEnd::How::scale_in);
    known_.erase(id);
  }
  sum_up(tick.observation);
}

void Recording::Watcher::pair_ends() {
  for (std::size_t i = 0; i < shown_.ends.size(); ++i) {
    if (shown_.ends[i].how != RecordedEnd::How::scale_in) continue;
    const auto twin = std::ranges::find_if(begun_, [&](Duration at) {
      return at >= ended_at_[i] - kTwinBefore && at <= ended_at_[i] + kTwinAfter;
    });
    if (twin == begun_.end()) continue;
    shown_.ends[i].how = RecordedEnd::How::replaced;
    begun_.erase(twin);
  }
}

RecordedCluster Recording::Watcher::finish() {
  pair_ends();
  shown_.length = since_;
  for (const RecordedMinute& one : shown_.minutes) shown_.hot_minutes += one.is_hot;
  shown_.boots = int(boots_.size());
  if (!boots_.empty()) {
    const auto middle = boots_.begin() + std::ptrdiff_t(boots_.size() / 2);
    std::ranges::nth_element(boots_, middle);
    shown_.boot = *middle;
  }
  if (departures_ >= kDeparturesLeast)
    shown_.session =
        from_seconds(std::clamp(connection_seconds_ / double(departures_), 5.0, 7 * 86400.0));
  return std::move(shown_);
}

Recording::Recording(const Stack& stack) : stack_(stack) {}
Recording::~Recording() = default;

void Recording::add(std::string_view cluster, WallTime at, std::string_view blob) {
  const auto spec = std::ranges::find(stack_.clusters, cluster, &ClusterSpec::name);
  if (spec == stack_.clusters.end()) return;
  const auto tick = decode_tick(blob);
  if (!tick || !is_sane(*tick, cluster, at, spec->capacity)) {
    ++damaged_;
    return;
  }
  auto& watcher = watchers_[std::string(cluster)];
  if (!watcher) watcher = std::make_unique<Watcher>(*spec);
  watcher->add(*tick);
}

std::vector<RecordedCluster> Recording::finish() {
  std::vector<RecordedCluster> all;
  for (const ClusterSpec& spec : stack_.clusters)
    if (const auto watcher = watchers_.find(spec.name); watcher != watchers_.end())
      all.push_back(watcher->second->finish());
  watchers_.clear();
  return all;
}

}  // namespace utakata
