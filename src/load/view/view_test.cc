#include "load/view/view.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

// A run of so many seconds, in which all is as it was in the second before.
struct Watched {
  LoadReport report;
  LoadState state{.phase = LoadPhase::running, .users = 1000};
  Recent recent;

  MetricId id(Metrics& in, MetricKind kind, std::string_view metric, const Tags& tags = {}) {
    return in.id(kind, metric, tags).value();
  }
  void count(Metrics& in, std::string_view metric, double by, const Tags& tags = {}) {
    in.count(id(in, MetricKind::counter, metric, tags), by);
  }
  void second(std::int64_t users) {
    Metrics measured;
    count(measured, "iterations", 80, {{"scenario", "fans"}});
    count(measured, "iterations", 20, {{"scenario", "pollers"}});
    count(measured, "errors", 3, {{"phase", "script"}, {"scenario", "pollers"}});
    count(measured, "http_reqs", 120);
    count(measured, "ws_sessions", 12);
    count(measured, "ws_closed", 2, {{"code", "1011"}, {"phase", "open"}});
    const MetricId echo = id(measured, MetricKind::trend, "echo");
    for (std::int64_t us = 1; us <= 100; ++us) measured.trend(echo, us * 1000);
    const MetricId whole =
        id(measured, MetricKind::trend, "iteration_duration", {{"scenario", "fans"}});
    measured.trend(whole, 2'000'000);
    const MetricId check = id(measured, MetricKind::rate, "checks", {{"check", "it echoes"}});
    for (int k = 0; k < 100; ++k) measured.rate(check, k != 0);
    const LoadTick tick{.at = report.elapsed,
                        .length = 1s,
                        .users = users,
                        .sockets = users - 20,
                        .cpu_max = 0.45,
                        .lag_ms_max = 3.2};
    recent.add(tick, measured);
    ASSERT_TRUE(report.metrics.add(measured.take()));
    report.elapsed += 1s;
    state.plan_time = report.elapsed;
  }
};

Watched watched() {
  Watched run;
  run.report.file = "votes.mjs";
  run.report.plan = "ramps to 1,000 users in 30 s, holds 4 min 30 s: 80 % fans, 20 % pollers";
  run.report.planned = 5min;
  for (std::int64_t k = 1; k <= 20; ++k) run.second(k * 50);
  run.report.generator = {.workers = 2, .resident_mb = 200};
  run.report.faults = {{.scenario = "fans",
                        .what = "nobody gave me a ticket",
                        .at = "votes.mjs:12:5",
                        .stack = "",
                        .count = 60}};
  const auto verdict = [&](std::string_view metric, std::string_view expression) {
    const auto threshold = threshold_from(metric, expression).value();
    run.report.thresholds.push_back(
        {threshold, judge(threshold, run.report.metrics, run.report.elapsed)});
  };
  verdict("echo", "p(95)<500");
  verdict("checks", "rate==1");
  return run;
}

std::string text_of(const Watched& run, const ViewSize& size) {
  std::string text;
  for (const ViewLine& line : view_of(run.report, run.state, run.recent, size)) {
    text += line.text().substr(0, line.text().find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

TEST(View, a_screen) {
  EXPECT_EQ("\n" + text_of(watched(), {.columns = 98, .rows = 50}), R"(
votes.mjs  running  0:20 of 5:00                   space pauses, + and - change the users, q stops
ramps to 1,000 users in 30 s, holds 4 min 30 s: 80 % fans, 20 % pollers
██████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   6 %

users      1,000 of 1,000                ▁▂▂▂▃▃▃▄▄▅▅▅▆▆▆▇▇▇██
sockets    980
a second   12 connections, 120 requests, 100 iterations

                                               last 10 s                                in all
                          med    p(95)    p(99)      max        med    p(95)    p(99)      max
echo                    50 ms    95 ms    99 ms   100 ms      50 ms    95 ms    99 ms   100 ms
iteration_duration        2 s      2 s      2 s      2 s        2 s      2 s      2 s      2 s
checks     99 % of 2,000, worst: 20 of 2,000 failed: it echoes
errors     60 scenario script, 40 WebSocket closed 1011
thresholds ✗ rate of `checks` is 0.99, not == 1.
           ✓ p(95) of `echo` is 95.04 ms, < 500 ms.
faults     60 x nobody gave me a ticket  votes.mjs:12:5

scenario                      done  a second    errors     p(95)       max
pollers                        400        20        60         -         -
fans                         1,600        80         0       2 s       2 s

generator  2 workers, the busiest uses 0.45 cores and is late by 3.2 ms, 210 MB in all
)");
}

// What is not head or trouble goes first; nothing is wider than the terminal.
TEST(View, a_small_terminal_has_what_matters) {
  Watched run = watched();
  for (std::size_t columns : {1u, 2u, 7u, 20u, 40u, 59u, 60u, 80u, 99u, 100u, 300u})
    for (std::size_t rows : {1u, 2u, 5u, 9u, 24u, 60u}) {
      const auto lines = view_of(run.report, run.state, run.recent, {columns, rows});
      EXPECT_LE(lines.size(), std::max<std::size_t>(1, rows - 1)) << columns << "x" << rows;
      for (const ViewLine& line : lines) {
        EXPECT_LE(line.columns(), columns) << line.text();
        EXPECT_EQ(line.columns(), load::columns(line.text())) << line.text();
      }
    }
  EXPECT_EQ("\n" + text_of(run, {.columns = 40, .rows = 9}), R"(
votes.mjs  running  0:20 of 5:00
██░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   6 %
users      1,000 of 1,000
sockets    980
a second   12 connections, 120 requests…
                         last 10 s
                    p(95)      max
echo                95 ms   100 ms
)");
}

TEST(View, what_is_the_generators_own_doing_is_said_at_the_top) {
  Watched run = watched();
  run.report.doubts = {"Worker 1 used more than 0.9 cores for 6 s."};
  EXPECT_NE(text_of(run, {.columns = 110, .rows = 50})
                .find("! The generator is what is slow, not the servers:\n"
                      "  Worker 1 used more than 0.9 cores for 6 s.\n\n"),
            std::string::npos);
}

TEST(View, a_threshold_of_which_nothing_is_measured_yet_is_not_missed) {
  Watched run = watched();
  run.report.thresholds[1].verdict = {.because = "Nothing of `checks` was measured."};
  const std::string text = text_of(run, {.columns = 110, .rows = 50});
  EXPECT_NE(text.find("           ? Nothing of `checks` was measured.\n"), text.npos) << text;
}

TEST(View, of_many_instances_those_with_most_errors) {
  Watched run = watched();
  Metrics measured;
  for (int k = 10; k < 30; ++k) {
    const Tags tags = {{"instance", fmt::format("game-{}", k)}};
    measured.trend(run.id(measured, MetricKind::trend, "vote", tags), k * 1000);
    if (k == 27) run.count(measured, "http_errors", 5, tags);
  }
  ASSERT_TRUE(run.report.metrics.add(measured.take()));
  const std::string text = text_of(run, {.columns = 98, .rows = 60});
  EXPECT_NE(
      text.find("\n"
                "instance                      done  a second    errors     p(95)       max\n"
                "game-27                          1         -         5     27 ms     27 ms\n"
                "game-10                          1         -         0     10 ms     10 ms\n"),
      text.npos)
      << text;
  EXPECT_NE(text.find("game-16 "), text.npos);
  EXPECT_EQ(text.find("game-17 "), text.npos);
  EXPECT_NE(text.find("\nand 12 more\n"), text.npos);
}

TEST(View, paused_with_more_users) {
  Watched run = watched();
  run.state.is_paused = true;
  run.state.factor = 1.2;
  run.state.users = 1200;
  const std::string text = text_of(run, {.columns = 110, .rows = 50});
  EXPECT_TRUE(text.starts_with("votes.mjs  paused  0:20 of 5:00  x 1.2")) << text;
  EXPECT_NE(text.find("users      1,000 of 1,200"), std::string::npos) << text;
  EXPECT_TRUE(progress_line(run.report, run.state, run.recent)
                  .starts_with("paused at 0:20 of 5:00: 1,000 of 1,200 users, 980 sockets, "));
}

TEST(View, an_open_model_says_how_many_are_to_come) {
  Watched run = watched();
  run.state.users.reset();
  run.state.arrivals = 50;
  EXPECT_NE(text_of(run, {.columns = 110, .rows = 50}).find("users      1,000, 50/s to come"),
            std::string::npos);
  EXPECT_EQ(progress_line(run.report, run.state, run.recent),
            "0:20 of 5:00: 1,000 users, 50/s to come, 980 sockets, 12 connections/s, "
            "120 requests/s, 100 iterations/s, p(95) of `echo` 95 ms, 60 x scenario script");
}

TEST(View, before_it_begins_there_are_no_figures) {
  Watched run;
  run.report.file = "votes.mjs";
  run.state.phase = LoadPhase::setting_up;
  EXPECT_EQ(text_of(run, {.columns = 80, .rows = 24}),
            "votes.mjs  setting up            space pauses, + and - change the users, q stops\n");
}

// Names are of whoever wrote the scenario, or of servers.
TEST(View, names_that_mean_harm_move_no_cursor) {
  const std::string harm = "\033[2J\033]0;x\a\r\n\xff\u202e会議";
  Watched run = watched();
  run.report.file = run.report.plan = harm;
  run.report.doubts = {harm};
  run.report.faults[0].what = run.report.faults[0].at = harm;
  run.report.thresholds[0].verdict.because = harm;
  Metrics measured;
  for (const char* const tag : {"scenario", "instance", "check"})
    run.count(measured, "iterations", 1, {{tag, "会議\u202e会議"}});
  ASSERT_TRUE(run.report.metrics.add(measured.take()));
  const std::string text = text_of(run, {.columns = 70, .rows = 60});
  for (const char bad : {'\033', '\a', '\r', '\xff'}) EXPECT_EQ(text.find(bad), text.npos);
  EXPECT_EQ(text.find("\u202e"), text.npos);
  EXPECT_NE(text.find("会議"), text.npos);
  for (const ViewLine& line : view_of(run.report, run.state, run.recent, {70, 60}))
    EXPECT_LE(load::columns(line.text()), 70u) << line.text();
}

TEST(View, colours_take_no_room) {
  const Watched run = watched();
  const auto plain = view_of(run.report, run.state, run.recent, {80, 60});
  const auto coloured = view_of(run.report, run.state, run.recent, {80, 60, true});
  ASSERT_EQ(plain.size(), coloured.size());
  bool has_colour = false;
  for (std::size_t k = 0; k < plain.size(); ++k) {
    std::string bare = coloured[k].text();
    for (std::size_t at; (at = bare.find('\033')) != bare.npos; has_colour = true)
      bare.erase(at, bare.find('m', at) - at + 1);
    EXPECT_EQ(bare, plain[k].text());
    EXPECT_EQ(coloured[k].columns(), plain[k].columns());
  }
  EXPECT_TRUE(has_colour);
}

TEST(View, a_line_of_eighths) {
  const double values[] = {0, 1, 2, 7, 7};
  EXPECT_EQ(sparkline(values, 9), "▁▂▃██");
  EXPECT_EQ(sparkline(values, 2), "██");
  EXPECT_EQ(sparkline({}, 5), "");
  EXPECT_EQ(sparkline(std::vector<double>(3), 5), "");
}

TEST(Recent, has_the_last_ten_seconds_and_the_last_rates) {
  Watched run;
  for (std::int64_t k = 0; k < 130; ++k) run.second(k);
  EXPECT_EQ(run.recent.rate("iterations"), 100);
  EXPECT_EQ(run.recent.rate("iterations", Tags{{"scenario", "fans"}}), 80);
  EXPECT_EQ(run.recent.rate("no_such"), 0);
  EXPECT_EQ(run.recent.trend("echo").count(), 1000u);
  EXPECT_EQ(run.recent.trend("no_such").count(), 0u);
  EXPECT_EQ(run.recent.users().size(), Recent::history);
  EXPECT_EQ(run.recent.users().back(), 129);
  EXPECT_NEAR(run.recent.p95("echo").back(), 95'000, 100);
  EXPECT_EQ(run.recent.p95("no_such"), std::vector<double>(Recent::history));
}

}  // namespace
}  // namespace utakata::load
