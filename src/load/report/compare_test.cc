#include "load/report/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "load/report/sample_for_tests.h"
#include "load/report/text_cells.h"
#include "load/report/timeline.h"

namespace utakata::load {
namespace {

const ComparedFigure* find(const RunComparison& all, std::string_view metric,
                           std::string_view figure) {
  const auto found = std::ranges::find_if(all.figures, [&](const ComparedFigure& one) {
    return one.metric == metric && one.figure == figure;
  });
  return found == all.figures.end() ? nullptr : &*found;
}

Judgement judgement_of(const RunComparison& all, std::string_view metric, std::string_view figure) {
  const auto* one = find(all, metric, figure);
  EXPECT_NE(one, nullptr) << metric << " " << figure;
  return one == nullptr ? Judgement::too_few : one->judgement;
}

TEST(Compare, a_run_beside_itself_is_the_same) {
  const LoadReport report = sample_report();
  const auto all = compare(report, report);
  EXPECT_EQ(all.warnings.size(), 0u);
  EXPECT_GT(all.count(Judgement::same), 20u);
  EXPECT_EQ(all.count(Judgement::same) + all.count(Judgement::too_few), all.figures.size());
}

TEST(Compare, what_differs_by_chance_only_is_hardly_ever_called_better_or_worse) {
  const LoadReport first = sample_report();
  std::size_t figures = 0, alarms = 0;
  for (std::uint64_t seed = 2; seed < 22; ++seed) {
    const auto all = compare(first, sample_report({.seed = seed}));
    figures += all.figures.size();
    alarms += all.count(Judgement::better) + all.count(Judgement::worse);
  }
  EXPECT_GT(figures, 500u);
  EXPECT_LE(alarms, figures / 100);
}

TEST(Compare, a_server_that_became_a_tenth_slower_is_noticed_every_time) {
  const LoadReport first = sample_report();
  for (std::uint64_t seed = 2; seed < 12; ++seed) {
    const LoadReport second = sample_report({.slower = 1.1, .seed = seed});
    const auto slower = compare(first, second), faster = compare(second, first);
    for (const char* const metric : {"vote_seen", "http_req_duration", "ws_connecting"}) {
      EXPECT_EQ(judgement_of(slower, metric, "med"), Judgement::worse) << metric << seed;
      EXPECT_EQ(judgement_of(faster, metric, "med"), Judgement::better) << metric << seed;
    }
    const auto change = find(slower, "vote_seen", "med")->change();
    ASSERT_TRUE(change);
    EXPECT_NEAR(*change, 0.1, 0.02);
  }
}

struct Measured {
  int seconds = 20, values = 100;
  std::int64_t us = 1000;
  double requests = 50;
  int checks_failed = 0;  // of 100 each second
  double errors = 0;      // a second
};

LoadReport report_of(const Measured& measured) {
  LoadReport report;
  Timeline timeline(report.points);
  report.elapsed = std::chrono::seconds{measured.seconds};
  for (int at = 0; at < measured.seconds; ++at) {
    Metrics second;
    for (Metrics* m : {&second, &report.metrics}) {
      const auto echo = m->id(MetricKind::trend, "echo").value();
      for (int i = 0; i < measured.values; ++i) m->trend(echo, measured.us + i);
      m->count(m->id(MetricKind::counter, "http_reqs").value(), measured.requests);
      const auto check = m->id(MetricKind::rate, "checks", Tags{{"check", "works"}}).value();
      for (int i = 0; i < 100; ++i) m->rate(check, i >= measured.checks_failed);
      m->count(m->id(MetricKind::counter, "http_errors", Tags{{"phase", "wait"}}).value(),
               measured.errors);
    }
    timeline.add({.at = std::chrono::seconds{at}, .length = 1s}, second);
  }
  return report;
}

TEST(Compare, what_is_good_or_bad_is_said_and_the_rest_has_changed) {
  const auto all = compare(report_of({}),
                           report_of({.us = 900, .requests = 60, .checks_failed = 5, .errors = 2}));
  EXPECT_EQ(judgement_of(all, "echo", "med"), Judgement::better);
  EXPECT_EQ(judgement_of(all, "http_reqs", "a second"), Judgement::changed);
  EXPECT_EQ(judgement_of(all, "works", "share"), Judgement::worse);
  EXPECT_EQ(judgement_of(all, "HTTP wait", "a second"), Judgement::worse);
  EXPECT_EQ(find(all, "HTTP wait", "a second")->change(), std::nullopt) << "of nothing";
  EXPECT_NEAR(*find(all, "http_reqs", "a second")->change(), 0.2, 1e-9);
}

TEST(Compare, two_percent_are_noise_however_steady) {
  const LoadReport first = report_of({.us = 100'000});
  EXPECT_EQ(judgement_of(compare(first, report_of({.us = 101'900})), "echo", "med"),
            Judgement::same);
  EXPECT_EQ(judgement_of(compare(first, report_of({.us = 102'200})), "echo", "med"),
            Judgement::worse);
}

TEST(Compare, of_too_few_values_nothing_is_said) {
  const auto all = compare(report_of({.values = 40}), report_of({.values = 40, .us = 3000}));
  EXPECT_EQ(judgement_of(all, "echo", "p(95)"), Judgement::worse) << "40 of 800 are above it";
  EXPECT_EQ(judgement_of(all, "echo", "p(99)"), Judgement::too_few) << "8 are";
}

TEST(Compare, a_metric_that_only_one_has_is_shown_as_such) {
  LoadReport second = report_of({});
  second.metrics.count(second.metrics.id(MetricKind::counter, "votes").value(), 20);
  second.metrics.id(MetricKind::counter, "silent").value();
  const auto all = compare(report_of({}), second);
  const auto* votes = find(all, "votes", "a second");
  ASSERT_NE(votes, nullptr);
  EXPECT_FALSE(votes->before);
  EXPECT_EQ(votes->after, 1);
  EXPECT_EQ(votes->judgement, Judgement::changed);
  EXPECT_EQ(find(all, "silent", "a second"), nullptr);

  LoadReport other;
  other.metrics.count(other.metrics.id(MetricKind::counter, "echo").value(), 20);
  EXPECT_EQ(judgement_of(compare(report_of({}), other), "echo", "med"), Judgement::changed)
      << "another kind of that name is another metric";
}

TEST(Compare, what_may_not_be_compared_is_warned_of) {
  LoadReport first = report_of({}), second = report_of({.seconds = 30});
  first.plan = "10 users", second.plan = "20 users";
  first.end = LoadEnd::stopped;
  second.doubts = {"Worker 1 was slow."};
  const std::vector<std::string> expected = {
      "The first run was stopped after 20 s.",
      "The second run is not valid: its figures are not the servers'. Worker 1 was slow.",
      "They had different plans: `10 users` and `20 users`.", "One took 20 s, the other 30 s."};
  EXPECT_EQ(compare(first, second).warnings, expected);
}

TEST(Compare, as_text_it_fits_a_terminal_and_as_json_it_can_be_read) {
  LoadReport first = sample_report(), second = sample_report({.slower = 20, .seed = 2});
  second.doubts = {std::string(150, 'x') + " \033[31m"};
  const auto all = compare(first, second);
  const std::string text = to_text(all);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(columns(line) <= 100 || line.contains("xxx")) << line;
  EXPECT_FALSE(text.contains('\033'));
  EXPECT_TRUE(to_text(all, true).contains("\033[31mworse\033[0m"));
  EXPECT_TRUE(text.contains("x 19.")) << "not +1,900 %" << text;
  const auto json = nlohmann::json::parse(to_json(all));
  ASSERT_EQ(json["figures"].size(), all.figures.size());
  const auto& seen = json["figures"][2];
  EXPECT_EQ(seen["metric"], "vote_seen");
  EXPECT_EQ(seen["unit"], "us");
  EXPECT_EQ(seen["judgement"], "worse");
  EXPECT_EQ(json["warnings"].size(), 1u);
}

}  // namespace
}  // namespace utakata::load
