#include "load/report/validity.h"

#include <gtest/gtest.h>

#include <functional>

namespace utakata::load {
namespace {

using Change = std::function<void(GeneratorTick&, int second)>;

// `seconds` of two workers that are well, but for what is changed in the second one.
LoadReport report_after(int seconds, const Change& change) {
  GeneratorWatch watch;
  for (int second = 0; second < seconds; ++second)
    for (const int number : {0, 1}) {
      GeneratorTick tick{.worker = number,
                         .lag_ms = 3,
                         .gc_ms = 20,
                         .cpu = 0.5,
                         .resident_mb = 100,
                         .late_ms = 2,
                         .backlog_bytes = 5'000};
      if (number == 1) change(tick, second);
      watch.add(tick);
    }
  LoadReport report;
  report.elapsed = std::chrono::seconds{seconds};
  report.generator = watch.health();
  return report;
}

TEST(Validity, who_is_well_leaves_no_doubt) {
  const LoadReport report = report_after(60, [](GeneratorTick&, int) {});
  EXPECT_EQ(doubts_of(report), std::vector<std::string>{});
  EXPECT_EQ(notes_of(report), std::vector<std::string>{});
  EXPECT_EQ(report.generator.workers, 2);
  EXPECT_EQ(report.generator.resident_mb, 200);
  EXPECT_EQ(report.generator.watched, 60s);
}

TEST(Validity, a_single_hiccup_is_a_note_and_no_doubt) {
  const LoadReport report = report_after(60, [](GeneratorTick& tick, int second) {
    if (second == 30) tick.lag_ms = 700, tick.cpu = 1.2, tick.gc_ms = 650, tick.late_ms = 700;
  });
  EXPECT_EQ(doubts_of(report), std::vector<std::string>{});
  EXPECT_EQ(notes_of(report),
            std::vector<std::string>{"A worker stood still for 700 ms: latencies up to that (max, "
                                     "and perhaps p(99)) may be its own."});
  EXPECT_EQ(report.generator.lag.total, 1s);
}

TEST(Validity, what_lasts_is_a_doubt_with_the_worker_the_time_and_the_remedy) {
  const LoadReport report = report_after(600, [](GeneratorTick& tick, int second) {
    if (second >= 100 && second < 106) tick.cpu = 1.02;
  });
  EXPECT_EQ(doubts_of(report), std::vector<std::string>{
                                   "Worker 1 used more than 0.9 cores for 6 s (1.02 at most): it "
                                   "did what it could, not what was asked of it. Spread the "
                                   "users over more workers or machines, or have fewer of them."});
}

TEST(Validity, what_comes_again_and_again_is_a_doubt_too) {
  const LoadReport report = report_after(100, [](GeneratorTick& tick, int second) {
    if (second % 10 == 0) tick.lag_ms = 150;
  });
  const auto doubts = doubts_of(report);
  ASSERT_EQ(doubts.size(), 1u);
  EXPECT_EQ(
      doubts[0].substr(0, 86),
      "Worker 1 answered its sockets late by more than 100 ms for 10 s in all, 1 s without a ");
}

TEST(Validity, each_limit_is_one_that_can_be_missed_alone) {
  const std::pair<const char*, Change> rows[] = {
      {"late by more than 100 ms", [](GeneratorTick& tick, int) { tick.lag_ms = 101; }},
      {"more than 0.9 cores", [](GeneratorTick& tick, int) { tick.cpu = 0.91; }},
      {"more than 20 % on collecting", [](GeneratorTick& tick, int) { tick.gc_ms = 201; }},
      {"began users late by more than 500 ms",
       [](GeneratorTick& tick, int) { tick.late_ms = 501; }},
      {"held more than 16 MB", [](GeneratorTick& tick, int) { tick.backlog_bytes = 16'000'001; }},
  };
  for (const auto& [words, change] : rows) {
    const auto doubts = doubts_of(report_after(5, change));
    ASSERT_EQ(doubts.size(), 1u) << words;
    EXPECT_NE(doubts[0].find(words), std::string::npos) << doubts[0];
    EXPECT_EQ(doubts_of(report_after(4,
                                     [&](GeneratorTick& tick, int second) {
                                       if (second < 2) change(tick, second);
                                     }))
                  .size(),
              0u)
        << words << ": two seconds are not enough, however short the run";
  }
  const auto at_limits = report_after(60, [](GeneratorTick& tick, int) {
    tick = {.worker = 1,
            .lag_ms = 100,
            .gc_ms = 200,
            .cpu = 0.9,
            .late_ms = 500,
            .backlog_bytes = 16'000'000};
  });
  EXPECT_EQ(doubts_of(at_limits).size(), 0u);
}

TEST(Validity, two_who_take_turns_are_not_added_up) {
  GeneratorWatch watch;
  for (int second = 0; second < 8; ++second)
    for (const int number : {0, 1})
      watch.add({.worker = number, .lag_ms = second % 2 == number && second < 4 ? 500.0 : 1.0});
  LoadReport report;
  report.generator = watch.health();
  EXPECT_EQ(report.generator.lag.total, 2s);
  EXPECT_EQ(doubts_of(report).size(), 0u);
}

TEST(Validity, a_worker_that_died_is_never_hidden) {
  GeneratorWatch watch;
  watch.add({.worker = 0, .resident_mb = 100}), watch.add({.worker = 1, .resident_mb = 80});
  watch.lost(1);
  watch.add({.worker = 0, .resident_mb = 150});
  LoadReport report;
  report.generator = watch.health();
  EXPECT_EQ(report.generator.resident_mb, 180) << "of those who were there at one time";
  ASSERT_EQ(doubts_of(report).size(), 1u);
  EXPECT_EQ(doubts_of(report)[0].substr(0, 33), "1 of 2 workers were lost on the w");
}

TEST(Validity, connections_that_this_machine_could_not_make_are_no_servers_fault) {
  const auto report_with = [](double opened) {
    LoadReport report;
    const auto count = [&](const char* name, double by, const Tags& tags) {
      report.metrics.count(report.metrics.id(MetricKind::counter, name, tags).value(), by);
    };
    count("ws_sessions", opened, {});
    count("ws_errors", 2, {{"phase", "connect"}, {"error", "ports"}});
    count("http_errors", 1, {{"phase", "connect"}, {"error", "local"}});
    count("ws_errors", 500, {{"phase", "connect"}, {"error", "refused"}});
    return report;
  };
  const std::vector<std::string> many = {
      "3 connections failed by this machine's own doing (0.3 % of all): no port was left to come "
      "from; give it more addresses by `--source`."};
  EXPECT_EQ(doubts_of(report_with(997)), many);
  EXPECT_EQ(notes_of(report_with(997)), std::vector<std::string>{});
  EXPECT_EQ(doubts_of(report_with(99'997)), std::vector<std::string>{});
  EXPECT_EQ(notes_of(report_with(99'997)).size(), 1u) << "three in a hundred thousand are told";
}

TEST(Validity, values_that_went_nowhere_and_ones_that_had_no_room_are_said) {
  LoadReport report;
  report.metrics.count({});
  const auto id = report.metrics.id(MetricKind::trend, "slow").value();
  report.metrics.trend(id, Histogram::highest + 1);
  report.metrics.trend(report.metrics.id(MetricKind::trend, "fast").value(), 0);
  ASSERT_EQ(doubts_of(report).size(), 1u);
  EXPECT_EQ(doubts_of(report)[0].substr(0, 30), "1 value measured went nowhere,");
  EXPECT_EQ(notes_of(report),
            std::vector<std::string>{"`slow` has values of over 71 minutes, which count as that."});
}

}  // namespace
}  // namespace utakata::load
