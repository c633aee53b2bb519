// The run that other tests are about, and that it is one.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "load/report/sample_for_tests.h"
#include "load/report/timeline.h"
#include "load/report/validity.h"

namespace utakata::load {
namespace {

class Sample {
 public:
  explicit Sample(const SampleRun& run) : run_(run), random_(run.seed) {}

  LoadReport report() {
    LoadReport report;
    report.file = "examples/live-vote/votes.mjs";
    report.plan = "ramps to 1,000 users in 30 s, holds 1 min 10 s: 80 % fans, 20 % pollers";
    report.started = WallTime{std::chrono::milliseconds{1'790'000'000'123}};
    report.planned = report.elapsed = std::chrono::seconds{run_.seconds};
    for (int at = 0; at < run_.seconds; ++at) second(at, report);
    report.points = points_;
    report.generator = watch_.health();
    judged(report, "vote_seen", "p(95)<500");
    judged(report, "vote_seen{scenario:fans}", "med<30ms");
    judged(report, "checks", "rate>0.99");
    judged(report, "http_req_duration", "max<90");
    report.faults = {
        {"fans", std::string("TypeError: ") + harm, "file:///votes.mjs:12:5", "at x", 12},
        {"pollers", "a vote was refused", "", "", 1}};
    report.doubts = doubts_of(report);
    report.notes = notes_of(report);
    return report;
  }

 private:
  // As latencies are: most about `ms`, few far above.
  std::int64_t time_of(double ms) {
    const double spread = std::exp(0.35 * (random_.unit() + random_.unit() + random_.unit() - 1.5));
    const double tail = random_.below(50) == 0 ? 1 + 4 * random_.unit() : 1;
    return std::int64_t(ms * 1000 * run_.slower * spread * tail);
  }
  void add(MetricKind kind, const char* name, const Tags& tags, double value) {
    for (Metrics* into : {&second_, all_}) {
      const MetricId id = into->id(kind, name, tags).value();
      if (kind == MetricKind::counter) into->count(id, value);
      if (kind == MetricKind::rate) into->rate(id, value != 0);
      if (kind == MetricKind::trend) into->trend(id, std::int64_t(value));
      if (kind == MetricKind::gauge) into->gauge(id, value);
    }
  }
  void count(const char* name, double by, const Tags& tags = {}) {
    add(MetricKind::counter, name, tags, by);
  }
  void time(const char* name, double ms, const Tags& tags = {}) {
    add(MetricKind::trend, name, tags, double(time_of(ms)));
  }

  void second(int at, LoadReport& report) {
    second_ = Metrics();
    all_ = &report.metrics;
    const int users = std::min(1000, 1000 * (at + 1) / 30);
    const double busy = at >= 60 && at < 66 ? 6 : 1;  // something happens in the server then
    if (at < 30) connections(33, busy);
    for (int i = 0; i < users / 20; ++i) iteration(busy, i % 5 == 0 ? "pollers" : "fans");
    if (busy > 1) troubles();
    add(MetricKind::gauge, "votes_open", {}, 500 - at);
    timeline_.add({.at = std::chrono::seconds{at},
                   .length = 1s,
                   .users = users,
                   .sockets = users * 4 / 5,
                   .cpu_max = 0.3 + 0.1 * random_.unit(),
                   .lag_ms_max = 4 * busy},
                  second_);
    for (const int worker : {0, 1})
      watch_.add({.worker = worker,
                  .length = 1s,
                  .lag_ms = 4 * busy,
                  .gc_ms = 12,
                  .cpu = 0.4,
                  .resident_mb = 120,
                  .late_ms = busy,
                  .backlog_bytes = 1000});
  }
  void connections(int many, double busy) {
    for (int i = 0; i < many; ++i) time("ws_connecting", 2 * busy), time("ws_handshaking", busy);
    count("ws_sessions", many);
  }
  void iteration(double busy, const char* scenario) {
    const Tags tags = {{"scenario", scenario}};
    time("vote_seen", 25 * busy, tags);
    time("iteration_duration", 900, tags);
    time("http_req_duration", 8 * busy), time("http_req_waiting", 7 * busy);
    count("http_reqs", 1), count("iterations", 1, tags);
    count("ws_msgs_sent", 1), count("ws_msgs_received", 12);
    count("data_sent", 350), count("data_received", 4200);
    add(MetricKind::rate, "http_req_failed", {}, busy > 1 && random_.below(20) == 0);
    add(MetricKind::rate, "checks", {{"check", "the vote is counted"}},
        busy == 1 || random_.below(10) != 0);
    add(MetricKind::rate, "checks", {{"check", harm}}, 1);
  }
  void troubles() {
    count("errors", 2, {{"phase", "script"}, {"scenario", "fans"}});
    count("http_errors", 3, {{"phase", "wait"}});
    count("ws_closed", 4, {{"code", "1011"}, {"phase", "open"}});
    count("ws_closed", 9, {{"code", "1000"}, {"phase", "open"}});
  }
  static void judged(LoadReport& report, const char* metric, const char* expression) {
    const auto threshold = threshold_from(metric, expression).value();
    report.thresholds.push_back({threshold, judge(threshold, report.metrics, report.elapsed)});
  }

  SampleRun run_;
  Random random_;
  Metrics second_;
  Metrics* all_ = nullptr;
  std::vector<LoadPoint> points_;
  Timeline timeline_{points_};
  GeneratorWatch watch_;
};

}  // namespace

LoadReport sample_report(const SampleRun& run) { return Sample(run).report(); }

namespace {

TEST(SampleReport, what_its_points_hold_is_what_was_measured_in_all) {
  const LoadReport report = sample_report();
  ASSERT_EQ(report.points.size(), 100u);
  std::map<std::string, MetricValue> sums;
  for (const LoadPoint& point : report.points)
    for (const auto& [name, value] : point.measured)
      if (const auto [sum, is_new] = sums.try_emplace(name, unpacked(value)); !is_new)
        merge(sum->second, unpacked(value));
  EXPECT_EQ(sums.size(), report.metrics.kinds().size());
  for (const auto& [name, sum] : sums) {
    const auto all = report.metrics.total(name);
    ASSERT_TRUE(all) << name;
    if (std::holds_alternative<Gauge>(sum)) continue;  // their turns are another Metrics'
    EXPECT_TRUE(*all == sum) << name;
  }
}

}  // namespace
}  // namespace utakata::load
