#include "load/statistics/thresholds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace utakata::load {
namespace {

using Aggregation = Threshold::Aggregation;
using Comparison = Threshold::Comparison;

TEST(Thresholds, are_read_as_k6_users_write_them) {
  struct Row {
    std::string text;
    Aggregation aggregation;
    double percent;
    Comparison comparison;
    double limit;
    bool has_unit = false;
  };
  const Row rows[] = {
      {"p(95)<500", Aggregation::percentile, 95, Comparison::below, 500},
      {"p(99.9) <= 1s", Aggregation::percentile, 99.9, Comparison::at_most, 1000, true},
      {" p( 0 ) < 250us ", Aggregation::percentile, 0, Comparison::below, 0.25, true},
      {"avg<1.5 ms", Aggregation::avg, 0, Comparison::below, 1.5, true},
      {"med >= 3", Aggregation::med, 0, Comparison::at_least, 3},
      {"min>0", Aggregation::min, 0, Comparison::above, 0},
      {"max<2s", Aggregation::max, 0, Comparison::below, 2000, true},
      {"count>100", Aggregation::count, 0, Comparison::above, 100},
      {"rate<0.01", Aggregation::rate, 0, Comparison::below, 0.01},
      {"value==-4", Aggregation::value, 0, Comparison::equal, -4},
      {"value===4", Aggregation::value, 0, Comparison::equal, 4},
      {"count!=0", Aggregation::count, 0, Comparison::unequal, 0},
  };
  for (const Row& row : rows) {
    const auto threshold = threshold_from("echo{status:200}", row.text);
    ASSERT_TRUE(threshold) << threshold.error().what;
    EXPECT_EQ(threshold->aggregation, row.aggregation) << row.text;
    EXPECT_EQ(threshold->percent, row.percent) << row.text;
    EXPECT_EQ(threshold->comparison, row.comparison) << row.text;
    EXPECT_DOUBLE_EQ(threshold->limit, row.limit) << row.text;
    EXPECT_EQ(threshold->has_unit, row.has_unit) << row.text;
    EXPECT_EQ(threshold->of, (SeriesName{"echo", {{"status", "200"}}}));
    EXPECT_EQ(threshold->expression, row.text);
    EXPECT_FALSE(threshold->aborts_run);
  }
}

TEST(Thresholds, what_is_not_understood_is_said_with_the_place_and_the_remedy) {
  const std::pair<std::string, int> rows[] = {
      {"", 1},          {"p95<500", 1},    {"p(101)<5", 1},     {"p(-1)<5", 1},   {"p(95<5", 1},
      {"average<5", 1}, {"p(nan)<5", 1},   {"avg", 4},          {"avg=5", 4},     {"avg=<5", 4},
      {"avg<", 5},      {"avg<x", 5},      {"avg<nan", 5},      {"avg<1e999", 5}, {"avg<5m", 6},
      {"avg<5 ms.", 9}, {"avg<5 && 1", 7}, {"avg < 5 s 5", 11}, {"rate<1%", 7},   {"med<5kg", 6},
  };
  for (const auto& [text, at] : rows) {
    const auto threshold = threshold_from("echo", text);
    ASSERT_FALSE(threshold) << text;
    EXPECT_EQ(threshold.error().kind, Problem::Kind::invalid);
    const std::string what = "The threshold `" + text + "` is not understood from character " +
                             std::to_string(at) + " on: write `count`";
    EXPECT_EQ(threshold.error().what.substr(0, what.size()), what);
  }
  EXPECT_FALSE(threshold_from("echo", "avg<5" + std::string(200, ' '))) << "endless";
  EXPECT_EQ(threshold_from("echo{a}", "avg<5").error().what,
            "`echo{a}` is no metric: write `name` or `name{tag:value}`.");
}

const MetricKinds kinds = {{"sent", MetricKind::counter},
                           {"checks", MetricKind::rate},
                           {"echo", MetricKind::trend},
                           {"users", MetricKind::gauge}};

TEST(Thresholds, fit_what_their_metric_has_and_nothing_else) {
  const std::map<std::string, std::string> fitting = {{"sent", "count rate"},
                                                      {"checks", "rate"},
                                                      {"echo", "avg min med max p(95) p(1) count"},
                                                      {"users", "value min max"}};
  for (const auto& [metric, words] : fitting)
    for (const std::string word :
         {"count", "rate", "value", "avg", "min", "med", "max", "p(95)", "p(1)"}) {
      const auto threshold = threshold_from(metric, word + "<1").value();
      EXPECT_EQ(fits(threshold, kinds).has_value(),
                (" " + words + " ").find(" " + word + " ") != std::string::npos)
          << word << " of " << metric;
    }
}

TEST(Thresholds, what_does_not_fit_is_said_with_what_would) {
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"ehco", "avg<5",
       "The threshold `avg<5` is for `ehco`, but there is no such metric, did you mean `echo`? "
       "Known are `checks`, `echo`, `sent`, `users`."},
      {"http_reqs{a:1}", "count>5",
       "The threshold `count>5` is for `http_reqs`, but there is no such metric. Known are "
       "`checks`, `echo`, `sent`, `users`."},
      {"checks", "p(99.9)<5",
       "The threshold `p(99.9)<5` asks `p(99.9)` of `checks`, which is a rate: that has `rate`."},
      {"echo", "value<5",
       "The threshold `value<5` asks `value` of `echo`, which is a trend: that has `avg`, `min`, "
       "`med`, `max`, `p(95)`, `count`."},
      {"sent", "count<5ms",
       "The threshold `count<5ms` of `sent` compares with a time, but its `count` is none: leave "
       "the unit out."},
      {"echo", "count<5ms",
       "The threshold `count<5ms` of `echo` compares with a time, but its `count` is none: leave "
       "the unit out."},
  };
  for (const auto& [metric, expression, what] : rows) {
    const auto fit = fits(threshold_from(metric, expression).value(), kinds);
    ASSERT_FALSE(fit) << expression;
    EXPECT_EQ(fit.error().what, what);
  }
  EXPECT_NE(fits(threshold_from("a", "avg<5").value(), {}).error().what.find("Known are none."),
            std::string::npos);
}

// 100 echoes of 1 to 100 ms, one in four from Berlin; 12 sent; 3 of 4 checks; users 5, 9, 7.
Metrics some_metrics() {
  Metrics metrics;
  const Tags berlin{{"city", "Berlin"}}, tokyo{{"city", "Tokyo"}};
  for (int ms = 1; ms <= 100; ++ms)
    metrics.trend(*metrics.id(MetricKind::trend, "echo", ms % 4 == 0 ? berlin : tokyo), ms * 1000);
  metrics.count(*metrics.id(MetricKind::counter, "sent"), 12);
  for (const bool is_true : {true, true, false, true})
    metrics.rate(*metrics.id(MetricKind::rate, "checks"), is_true);
  for (const int users : {5, 9, 7}) metrics.gauge(*metrics.id(MetricKind::gauge, "users"), users);
  static_cast<void>(metrics.id(MetricKind::trend, "quiet"));
  static_cast<void>(metrics.id(MetricKind::rate, "silent"));
  static_cast<void>(metrics.id(MetricKind::gauge, "unset"));
  static_cast<void>(metrics.id(MetricKind::counter, "zero"));
  return metrics;
}

TEST(Thresholds, are_judged_by_what_was_measured) {
  struct Row {
    std::string metric, expression;
    bool is_kept;
    std::string because;
  };
  const Row rows[] = {
      {"echo", "max<100", false, "max of `echo` is 100 ms, not < 100 ms."},
      {"echo", "max<=100", true, "max of `echo` is 100 ms, <= 100 ms."},
      {"echo", "max<=0.1s", true, "max of `echo` is 100 ms, <= 100 ms."},
      {"echo", "max<=99999us", false, "max of `echo` is 100 ms, not <= 99.999 ms."},
      {"echo", "min>=1", true, "min of `echo` is 1 ms, >= 1 ms."},
      {"echo", "avg==50.5", true, "avg of `echo` is 50.5 ms, == 50.5 ms."},
      {"echo", "avg!=50.5", false, "avg of `echo` is 50.5 ms, not != 50.5 ms."},
      {"echo", "count>100", false, "count of `echo` is 100, not > 100."},
      {"echo{city:Berlin}", "min>3", true, "min of `echo{city:Berlin}` is 4 ms, > 3 ms."},
      {"echo{city:Berlin}", "count==25", true, "count of `echo{city:Berlin}` is 25, == 25."},
      {"echo{city:Paris}", "max<5", false, "max of `echo{city:Paris}`: nothing was measured."},
      {"sent", "count>=12", true, "count of `sent` is 12, >= 12."},
      {"sent", "rate>3", false, "rate of `sent` is 3, not > 3."},  // 12 in 4 s
      {"zero", "count<1", true, "count of `zero` is 0, < 1."},
      {"sent{city:Paris}", "count==0", true, "count of `sent{city:Paris}` is 0, == 0."},
      {"checks", "rate>0.7", true, "rate of `checks` is 0.75, > 0.7."},
      {"silent", "rate<0.01", false, "rate of `silent`: nothing was measured."},
      {"quiet", "p(95)<500", false, "p(95) of `quiet`: nothing was measured."},
      {"quiet", "count<1", true, "count of `quiet` is 0, < 1."},
      {"users", "value==7", true, "value of `users` is 7, == 7."},
      {"users", "min<5", false, "min of `users` is 5, not < 5."},
      {"users", "max<=9", true, "max of `users` is 9, <= 9."},
      {"unset", "value<5", false, "value of `unset`: nothing was measured."},
  };
  const Metrics metrics = some_metrics();
  for (const Row& row : rows) {
    const auto threshold = threshold_from(row.metric, row.expression).value();
    ASSERT_TRUE(fits(threshold, metrics.kinds())) << row.metric;
    const Verdict verdict = judge(threshold, metrics, 4s);
    EXPECT_EQ(verdict.is_kept, row.is_kept) << row.expression;
    EXPECT_EQ(verdict.because, row.because);
    EXPECT_EQ(verdict.measured.has_value(), row.because.find("nothing") == std::string::npos);
  }
  EXPECT_FALSE(judge(threshold_from("sent", "rate<5").value(), metrics, 0s).measured)
      << "no time has gone by";
}

TEST(Thresholds, a_limit_with_a_unit_is_met_to_the_microsecond) {
  EXPECT_TRUE(rc::check([] {
    const auto us = *rc::gen::inRange<std::int64_t>(1, 100'000'000);
    Metrics metrics;
    metrics.trend(metrics.id(MetricKind::trend, "echo").value(), us);
    const auto is_kept = [&](std::string expression) {
      return judge(threshold_from("echo", expression).value(), metrics, 1s).is_kept;
    };
    const std::string in_us = fmt::format("{}us", us), in_ms = fmt::format("{:.3f}", us / 1e3),
                      in_s = fmt::format("{:.6f}s", us / 1e6);
    for (const auto& limit : {in_us, in_ms, in_ms + "ms", in_s}) {
      RC_ASSERT(is_kept("max<=" + limit));
      RC_ASSERT(is_kept("max==" + limit));
      RC_ASSERT(!is_kept("max<" + limit));
    }
  }));
}

TEST(Thresholds, percentiles_are_within_a_thousandth_of_those_of_the_sorted_list) {
  EXPECT_TRUE(rc::check([] {
    auto values =
        *rc::gen::nonEmpty<std::vector<std::int64_t>>(rc::gen::container<std::vector<std::int64_t>>(
            rc::gen::inRange<std::int64_t>(1, 100'000'000)));
    Metrics metrics;
    const auto id = metrics.id(MetricKind::trend, "echo").value();
    for (const auto us : values) metrics.trend(id, us);
    std::ranges::sort(values);
    const auto percent = *rc::gen::inRange<std::size_t>(1, 101);
    const double exact = double(values[(percent * values.size() + 99) / 100 - 1]) / 1000;
    const auto text = "p(" + std::to_string(percent) + ")";
    const auto is_kept = [&](double limit) {
      return judge(threshold_from("echo", text + "<" + std::to_string(limit)).value(), metrics, 1s)
          .is_kept;
    };
    RC_ASSERT(is_kept(exact * 1.0011 + 0.00001));
    RC_ASSERT(!is_kept(exact * 0.9989));
    const auto med = judge(threshold_from("echo", "med<1").value(), metrics, 1s);
    RC_ASSERT(med.measured ==
              judge(threshold_from("echo", "p(50)<1").value(), metrics, 1s).measured);
  }));
}

// What a run does, whole: workers record, with tags, and take; a parent adds and judges.
TEST(Thresholds, what_workers_recorded_is_judged_as_the_list_of_all_their_values_would_be) {
  EXPECT_TRUE(rc::check([] {
    Metrics parent;
    std::vector<Metrics> workers(*rc::gen::inRange<std::size_t>(1, 6));
    std::vector<std::int64_t> all, of_berlin;
    for (int i = *rc::gen::inRange(1, 300); i > 0; --i) {
      Metrics& worker = workers[*rc::gen::inRange<std::size_t>(0, workers.size())];
      const bool is_berlin = *rc::gen::arbitrary<bool>();
      const Tags tags{{"city", is_berlin ? "Berlin" : "Tokyo"}};
      const auto us = *rc::gen::inRange<std::int64_t>(1, 100'000'000);
      worker.trend(*worker.id(MetricKind::trend, "echo", tags), us);
      worker.rate(*worker.id(MetricKind::rate, "late", tags), us > 1'000'000);
      worker.count(*worker.id(MetricKind::counter, "bytes", tags), double(us));
      all.push_back(us);
      if (is_berlin) of_berlin.push_back(us);
      if (*rc::gen::inRange(0, 10) == 0) RC_ASSERT(parent.add(worker.take()).has_value());
    }
    for (Metrics& worker : workers) RC_ASSERT(parent.add(worker.take()).has_value());

    const auto percent = *rc::gen::inRange<std::size_t>(1, 101);
    const auto expect = [&](std::vector<std::int64_t> values, const std::string& tags) {
      const auto measured = [&](const char* metric, const std::string& aggregation) {
        const auto threshold = threshold_from(metric + tags, aggregation + "<0").value();
        return judge(threshold, parent, 10s).measured;
      };
      if (values.empty()) return RC_ASSERT(!measured("echo", "max"));
      std::ranges::sort(values);
      const auto size = double(values.size());
      const double sum = std::accumulate(values.begin(), values.end(), 0.0);
      const double nearest = double(values[(percent * values.size() + 99) / 100 - 1]) / 1000;
      const auto late =
          double(std::ranges::count_if(values, [](auto us) { return us > 1'000'000; }));
      const double percentile = *measured("echo", fmt::format("p({})", percent));
      RC_ASSERT(std::abs(percentile - nearest) <= nearest / 1000);
      RC_ASSERT(*measured("echo", "max") == double(values.back()) / 1000);
      RC_ASSERT(*measured("echo", "min") == double(values.front()) / 1000);
      RC_ASSERT(std::abs(*measured("echo", "avg") - sum / size / 1000) <= sum / size * 1e-12);
      RC_ASSERT(*measured("echo", "count") == size);
      RC_ASSERT(*measured("late", "rate") == late / size);
      RC_ASSERT(*measured("bytes", "count") == sum);
      RC_ASSERT(*measured("bytes", "rate") == sum / 10);
    };
    expect(all, "");
    expect(of_berlin, "{city:Berlin}");
  }));
}

}  // namespace
}  // namespace utakata::load
