#include "sim/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "sim/run.h"

namespace utakata {
namespace {

constexpr Duration kLeast = 20s;
constexpr Duration kBoot = 3s, kSession = 30min;  // where nothing was measured
constexpr Duration kBootLeast = 2s;  // found when it already listened: that is not its boot

LoadCurve with_lead(const LoadCurve& people, Duration lead) {
  LoadCurve curve;
  curve.name = people.name;
  const double first = people.points.front().connections;
  curve.points = {{Duration{0}, 0}, {lead * 6 / 10, first}};
  for (const auto& [at, connections] : people.points)
    curve.points.push_back({lead + at, connections});
  return curve;
}

std::string reason_of(const Activity& one) {
  return fmt::format("{} {}: {}{}", one.kind, one.instance, one.because,
                     one.limited_by.empty() ? "" : fmt::format(" [{}]", one.limited_by));
}

// Walks the simulated decisions, stretch by stretch.
class Walk {
 public:
  Walk(const std::vector<Activity>& activities, const std::string& cluster, WallTime began)
      : activities_(activities), cluster_(cluster), began_(began) {}

  struct Stretch {
    int most = 0;
    double seconds = 0;  // of all instances
  };
  Stretch until(Duration end) {
    Stretch stretch{int(there_.size())};
    const auto pass = [&](Duration to) {
      stretch.seconds += double(there_.size()) * std::max(0.0, to_seconds(to - at_));
      at_ = std::max(at_, to);
    };
    for (; next_ < activities_.size() && activities_[next_].at - began_ < end; ++next_) {
      pass(activities_[next_].at - began_);
      take(activities_[next_]);
      stretch.most = std::max(stretch.most, int(there_.size()));
    }
    pass(end);
    return stretch;
  }
  const std::string& why() const { return why_; }

 private:
  void take(const Activity& one) {
    if (one.cluster != cluster_ || one.instance.empty()) return;
    if (one.phase == Activity::Phase::intent && one.kind == "launch") there_.insert(one.instance);
    if (one.kind == "gone" || one.kind == "launch_failed") there_.erase(one.instance);
    if (one.phase == Activity::Phase::intent && one.kind != "stop") why_ = reason_of(one);
  }

  const std::vector<Activity>& activities_;
  const std::string& cluster_;
  const WallTime began_;
  std::size_t next_ = 0;
  Duration at_{};
  std::set<std::string> there_;
  std::string why_;
};

void compare(ReplayedCluster& replayed, const RecordedCluster& recorded, Duration lead) {
  Walk walk(replayed.day.activities, recorded.name, recorded.began);
  walk.until(Duration{0});
  for (const RecordedMinute& minute : recorded.minutes) {
    walk.until(minute.at);
    const Duration end = std::min(minute.at + 60s, std::max(recorded.length, minute.at + 1s));
    const auto [there, seconds] = walk.until(end);
    replayed.minutes.push_back({there, walk.why()});
    const double seen = to_seconds(minute.seen), mean = seconds / to_seconds(end - minute.at);
    replayed.instance_hours += mean * seen / 3600;
    replayed.idle_hours += std::max(0.0, mean * seen - minute.needed_seconds) / 3600;
    replayed.there_most = std::max(replayed.there_most, there);
  }
  for (const Activity& one : replayed.day.activities)
    replayed.scale_ins += one.cluster == recorded.name && one.at >= recorded.began &&
                          one.phase == Activity::Phase::intent && one.kind == "drain";
  for (const SimCluster& cluster : replayed.day.clusters)
    for (const SimSample& sample : cluster.samples)
      if (sample.at >= lead) replayed.refused += sample.refused, replayed.cut += sample.cut;
}

// From here on the day begins where the recording does, and knows of its one cluster alone.
void cut_lead(SimResult& day, const std::string& cluster, const ReplayedCluster& totals,
              Duration lead, WallTime began) {
  std::erase_if(day.clusters, [&](const SimCluster& one) { return one.name != cluster; });
  for (SimCluster& one : day.clusters) {
    std::erase_if(one.samples, [&](const SimSample& sample) { return sample.at < lead; });
    for (SimSample& sample : one.samples) sample.at -= lead;
    one.instance_hours = totals.instance_hours;
    one.refused = totals.refused;
    one.serving_most = totals.there_most;
  }
  std::erase_if(day.activities, [&](const Activity& one) {
    return one.at < began || (!one.cluster.empty() && one.cluster != cluster);
  });
  day.began = began;
  day.length -= lead;
}

}  // namespace

Expected<ReplayedCluster> replay(const RecordedCluster& recorded, const ReplayOptions& options) {
  if (recorded.length < kLeast || recorded.people.points.size() < 2)
    return problem(Problem::Kind::invalid,
                   fmt::format("{}: only {} are recorded, and {} are needed", recorded.name,
                               to_text(std::chrono::floor<std::chrono::seconds>(recorded.length)),
                               to_text(kLeast)));
  if (std::ranges::find(options.stack.clusters, recorded.name, &ClusterSpec::name) ==
      options.stack.clusters.end())
    return problem(Problem::Kind::invalid,
                   fmt::format("the stack file has no cluster {}", recorded.name));
  ReplayedCluster replayed;
  const bool is_measured = recorded.boot && *recorded.boot >= kBootLeast;
  replayed.boot = options.boot.value_or(is_measured ? *recorded.boot : kBoot);
  replayed.session = options.session.value_or(recorded.session.value_or(kSession));
  const Duration lead = std::max<Duration>(6min, 6 * replayed.boot);
  SimOptions sim;
  sim.stack = options.stack;
  sim.stack.powers = {};
  sim.stack.provider = ProviderKind::process;
  sim.load = with_lead(recorded.people, lead);
  sim.cluster = recorded.name;
  sim.hosts = recorded.hosts;
  for (Host& host : sim.hosts) host.is_up = host.is_open = true;  // this day none is lost
  sim.seed = options.seed;
  sim.began = recorded.began - std::chrono::floor<std::chrono::milliseconds>(lead);
  sim.session = replayed.session;
  sim.boot = replayed.boot;
  sim.on_progress = options.on_progress;
  auto day = simulate(sim);
  if (!day) return std::unexpected(day.error());
  replayed.day = std::move(*day);
  compare(replayed, recorded, lead);
  cut_lead(replayed.day, recorded.name, replayed, lead, recorded.began);
  return replayed;
}

}  // namespace utakata
