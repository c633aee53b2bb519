#include "load/report/validity.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "load/report/errors.h"
#include "load/report/figures.h"

namespace utakata::load {
namespace {

constexpr std::string_view more_workers =
    "Spread the users over more workers or machines, or have fewer of them";

bool is_sustained(const Strain& strain, Duration watched, const ValidityLimits& limits) {
  return strain.longest >= limits.in_a_row ||
         (strain.total >= limits.in_all_min &&
          to_seconds(strain.total) >= limits.share_max * to_seconds(watched));
}

struct Rule {
  const Strain& strain;
  std::string was;     // "used more than 0.9 cores"
  std::string most;    // "1.02 cores at most"
  std::string effect;  // "what waits for it is measured as the servers'"
  std::string remedy;
};

std::vector<Rule> rules_of(const GeneratorHealth& health, const ValidityLimits& limits) {
  return {
      {health.lag, fmt::format("answered its sockets late by more than {:g} ms", limits.lag_ms),
       fmt::format("{} at most", time_words(health.lag_ms_max * 1000)),
       "so much of any latency may be its own", std::string(more_workers)},
      {health.cpu, fmt::format("used more than {:g} cores", limits.cpu),
       fmt::format("{:.2f} at most", health.cpu_max),
       "it did what it could, not what was asked of it", std::string(more_workers)},
      {health.gc,
       fmt::format("spent more than {} on collecting garbage", share_words(limits.gc_share)),
       fmt::format("{} at most", share_words(health.gc_share_max)),
       "its users stood still meanwhile",
       "Keep less in each user, or spread them over more workers"},
      {health.late, fmt::format("began users late by more than {:g} ms", limits.late_ms),
       fmt::format("{} at most", time_words(health.late_ms_max * 1000)),
       "fewer came than were asked for", std::string(more_workers)},
      {health.backlog,
       fmt::format("held more than {} that were to be sent", bytes_words(limits.backlog_bytes)),
       fmt::format("{} at most", bytes_words(health.backlog_bytes_max)),
       "servers got it later than it counts from",
       "See whether the network or the servers read too slowly, and send less from one machine"},
  };
}

double sum_of(const Metrics& metrics, std::string_view name) {
  const auto total = metrics.total(name);
  const auto* counter = total ? std::get_if<Counter>(&*total) : nullptr;
  return counter != nullptr ? counter->sum : 0;
}

struct OwnFailures {
  double count = 0, share = 0;  // of all that was tried
  std::string_view why;         // most of them did
};

OwnFailures own_failures(const Metrics& metrics) {
  OwnFailures failures;
  for (const LoadErrors& one : own_errors_in(metrics)) {
    if (failures.count == 0)
      failures.why = one.kind == "ports" ? "no port was left to come from; give it more addresses "
                                           "by `--source`"
                     : one.kind == "source"
                         ? "an address to come from is not this machine's; see `--source`"
                         : "it had no descriptors or memory left; raise its limits (`ulimit -n`)";
    failures.count += one.count;
  }
  const double tried =
      failures.count + sum_of(metrics, "ws_sessions") + sum_of(metrics, "http_reqs");
  failures.share = failures.count > 0 ? failures.count / tried : 0;
  return failures;
}

std::string sentence_of(const OwnFailures& failures) {
  return fmt::format("{} failed by this machine's own doing ({} of all): {}.",
                     times_words(failures.count, "connection"), share_words(failures.share),
                     failures.why);
}

std::string sentence_of(const Rule& rule) {
  const Strain& strain = rule.strain;
  const std::string for_long =
      strain.longest == strain.total
          ? duration_words(strain.total)
          : fmt::format("{} in all, {} without a break", duration_words(strain.total),
                        duration_words(strain.longest));
  return fmt::format("Worker {} {} for {} ({}): {}. {}.", strain.worker, rule.was, for_long,
                     rule.most, rule.effect, rule.remedy);
}

}  // namespace

void GeneratorWatch::Stretch::add(bool is_over, Duration length) {
  now = is_over ? now + length : Duration{};
  longest = std::max(longest, now);
  if (is_over) total += length;
}

void GeneratorWatch::add(const GeneratorTick& tick) {
  Worker& worker = workers_[tick.worker];
  const double seconds = to_seconds(tick.length);
  const double gc_share = seconds > 0 ? std::min(1.0, tick.gc_ms / 1000 / seconds) : 0;
  worker.watched += tick.length;
  worker.cpu.add(tick.cpu > limits_.cpu, tick.length);
  worker.lag.add(tick.lag_ms > limits_.lag_ms, tick.length);
  worker.gc.add(gc_share > limits_.gc_share, tick.length);
  worker.late.add(tick.late_ms > limits_.late_ms, tick.length);
  worker.backlog.add(tick.backlog_bytes > limits_.backlog_bytes, tick.length);

  resident_mb_ += tick.resident_mb - std::exchange(worker.resident_mb, tick.resident_mb);
  const auto raise = [](double& most, double value) { most = std::max(most, value); };
  raise(most_.resident_mb, resident_mb_);
  raise(most_.cpu_max, tick.cpu);
  raise(most_.lag_ms_max, tick.lag_ms);
  raise(most_.gc_share_max, gc_share);
  raise(most_.late_ms_max, tick.late_ms);
  raise(most_.backlog_bytes_max, tick.backlog_bytes);
}

void GeneratorWatch::lost(std::int64_t number) {
  Worker& worker = workers_[number];
  worker.is_lost = true;
  resident_mb_ -= std::exchange(worker.resident_mb, 0);
}

Strain GeneratorWatch::worst(Stretch Worker::* which) const {
  Strain strain;
  for (const auto& [number, worker] : workers_)
    if ((worker.*which).total > strain.total)
      strain = {number, (worker.*which).total, (worker.*which).longest};
  return strain;
}

GeneratorHealth GeneratorWatch::health() const {
  GeneratorHealth health = most_;
  health.workers = std::int64_t(workers_.size());
  for (const auto& [number, worker] : workers_) {
    health.workers_lost += worker.is_lost;
    health.watched = std::max(health.watched, worker.watched);
  }
  health.cpu = worst(&Worker::cpu);
  health.lag = worst(&Worker::lag);
  health.gc = worst(&Worker::gc);
  health.late = worst(&Worker::late);
  health.backlog = worst(&Worker::backlog);
  return health;
}

std::vector<std::string> doubts_of(const LoadReport& report, const ValidityLimits& limits) {
  const GeneratorHealth& health = report.generator;
  std::vector<std::string> doubts;
  if (health.workers_lost > 0)
    doubts.push_back(fmt::format(
        "{} of {} were lost on the way, with their users and what they had not told yet: what is "
        "here is of the others. See why (memory, or the scenario), and run it again.",
        number_words(double(health.workers_lost)), times_words(double(health.workers), "worker")));
  for (const Rule& rule : rules_of(health, limits))
    if (is_sustained(rule.strain, health.watched, limits)) doubts.push_back(sentence_of(rule));
  if (const auto own = own_failures(report.metrics); own.share > limits.own_failures_share)
    doubts.push_back(sentence_of(own));
  if (report.metrics.dropped() > 0)
    doubts.push_back(fmt::format(
        "{} measured went nowhere, since there were too many series or they were no numbers: give "
        "tags fewer different values.",
        times_words(double(report.metrics.dropped()), "value")));
  return doubts;
}

std::vector<std::string> notes_of(const LoadReport& report, const ValidityLimits& limits) {
  const GeneratorHealth& health = report.generator;
  std::vector<std::string> notes;
  if (health.lag_ms_max >= limits.hiccup_lag_ms &&
      !is_sustained(health.lag, health.watched, limits))
    notes.push_back(fmt::format(
        "A worker stood still for {}: latencies up to that (max, and perhaps p(99)) may be its "
        "own.",
        time_words(health.lag_ms_max * 1000)));
  const auto own = own_failures(report.metrics);
  if (own.count > 0 && own.share <= limits.own_failures_share) notes.push_back(sentence_of(own));
  for (const auto& [key, series] : report.metrics.series()) {
    const auto* trend = std::get_if<Trend>(&series.value);
    if (trend == nullptr || trend->clamped() == 0) continue;
    // Less than a microsecond is taken for one: only what is too long is worth a word.
    if (trend->max() >= Histogram::highest)
      notes.push_back(fmt::format("`{}` has values of over 71 minutes, which count as that.", key));
  }
  return notes;
}

}  // namespace utakata::load
