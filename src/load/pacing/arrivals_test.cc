#include "load/pacing/arrivals.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

namespace utakata::load {
namespace {

using Wide = __int128;

std::vector<Duration> times_of(Arrivals arrivals) {
  std::vector<Duration> times;
  while (const auto arrival = arrivals.next()) times.push_back(arrival->at);
  return times;
}

TEST(Arrivals, a_constant_rate_is_a_steady_beat) {
  Arrivals arrivals({{.duration = 10s, .from = 50, .to = 50}});
  EXPECT_EQ(arrivals.total(), 500);
  EXPECT_EQ(arrivals.next(), (Arrival{0, 20ms}));
  EXPECT_EQ(arrivals.next(), (Arrival{1, 40ms}));
  EXPECT_EQ(times_of(arrivals).size(), 498u);
  EXPECT_EQ(arrivals.at(499), 10s) << "the last comes at the end";
  EXPECT_EQ(arrivals.until(20ms - 1ns), 0);
  EXPECT_EQ(arrivals.until(20ms), 1);
  EXPECT_EQ(arrivals.until(1h), 500);
  EXPECT_EQ(arrivals.until(-1s), 0);
}

TEST(Arrivals, a_ramp_is_the_inverse_of_a_square) {
  const Arrivals up({{.duration = 10s, .from = 0, .to = 100}});
  EXPECT_EQ(up.total(), 500);
  EXPECT_EQ(up.at(4), 1s) << "5 t^2 = 5";
  EXPECT_EQ(up.at(19), 2s);
  EXPECT_EQ(up.at(0), Duration(447'213'595)) << "the root of 1/5, to the nanosecond";
  EXPECT_EQ(up.at(499), 10s);
  const Arrivals down({{.duration = 10s, .from = 100, .to = 0}});
  EXPECT_EQ(down.at(499), 10s);
  EXPECT_EQ(down.at(498), 10s - Duration(447'213'595));
  EXPECT_EQ(down.at(494), 9s);
}

TEST(Arrivals, the_end_of_a_long_way_down_is_exact) {
  const Arrivals arrivals({{.duration = 24h, .from = 1e6, .to = 0}});
  const std::int64_t total = std::int64_t{43'200} * 1'000'000;
  ASSERT_EQ(arrivals.total(), total);
  EXPECT_EQ(arrivals.at(total - 1), 24h);
  EXPECT_EQ(arrivals.at(total - 2), 24h - Duration(415'692'194)) << "the root of 0.1728";
  EXPECT_EQ(arrivals.at(total - 101), 24h - Duration(4'156'921'938));
}

TEST(Arrivals, steps_and_pauses_keep_what_is_due) {
  const Arrivals arrivals({{.duration = 1500ms, .from = 1, .to = 1},
                           {.duration = 10s},  // nobody
                           {.duration = 0s, .from = 900, .to = 900},
                           {.duration = 1s, .from = 4, .to = 4}});
  EXPECT_EQ(arrivals.total(), 5);
  EXPECT_EQ(times_of(arrivals), (std::vector<Duration>{1s, 11'625ms, 11'875ms, 12'125ms, 12'375ms}))
      << "half of the second one had come before the pause";
  EXPECT_EQ(arrivals.end(), 12'500ms);
}

TEST(Arrivals, of_nothing_there_are_none) {
  EXPECT_FALSE(Arrivals({}).next());
  EXPECT_FALSE(Arrivals({{.duration = 1h}}).next());
  EXPECT_FALSE(Arrivals({{.duration = 59min, .from = 1.0 / 3600, .to = 1.0 / 3600}}).next());
  EXPECT_EQ(Arrivals({}).until(5s), 0);
}

TEST(Arrivals, rates_by_the_hour_and_by_the_minute_are_exact) {
  const Arrivals hourly({{.duration = 24h, .from = 1.0 / 3600, .to = 1.0 / 3600}});
  for (int k = 0; k < 24; ++k) EXPECT_EQ(hourly.at(k), 1h * (k + 1));
  const Arrivals three({{.duration = 24h, .from = 1.0 / 20, .to = 1.0 / 20}});  // 3/m
  EXPECT_EQ(three.at(3 * 60 * 24 - 1), 24h);
}

TEST(Arrivals, a_day_of_a_million_a_second_leaves_no_error_behind) {
  const Arrivals arrivals({{.duration = 24h, .from = 1e6, .to = 1e6},
                           {.duration = 3h, .from = 1.0 / 3600, .to = 1.0 / 3600}});
  const std::int64_t busy = std::int64_t{86'400} * 1'000'000;
  ASSERT_EQ(arrivals.total(), busy + 3);
  EXPECT_EQ(arrivals.at(busy - 1), 24h);
  EXPECT_EQ(arrivals.at(busy), 25h);
  EXPECT_EQ(arrivals.at(busy + 2), 27h);
  EXPECT_EQ(arrivals.at(busy / 2 - 1), 12h);
  EXPECT_EQ(arrivals.until(12h), busy / 2);
}

std::vector<ArrivalStage> some_stages() {
  std::vector<ArrivalStage> stages(*rc::gen::inRange<std::size_t>(0, 6));
  for (auto& stage : stages) {
    stage.duration = Duration(*rc::gen::inRange<std::int64_t>(0, 20'000'000'000));
    stage.from = *rc::gen::inRange(0, 50);
    stage.to = *rc::gen::arbitrary<bool>() ? stage.from : *rc::gen::inRange(0, 50);
  }
  return stages;
}

// floor of the integral until t, in whole numbers: rates are whole here, durations of 20 s at most.
std::int64_t floor_of_integral(const std::vector<ArrivalStage>& stages, Duration t) {
  Wide whole = 0;  // arrivals x 2e9, of the stages before
  for (const auto& stage : stages) {
    const Wide d = stage.duration.count(), from = Wide(stage.from), to = Wide(stage.to);
    const Wide in = std::clamp(t, Duration{}, stage.duration).count();
    if (d == 0) continue;
    if (in < d)  // ((2 from d + (to - from) in) in / d) is rounded down, and so is the sum
      return std::int64_t((whole * d + (2 * from * d + (to - from) * in) * in) /
                          (d * 2'000'000'000));
    whole += (from + to) * d;
    t -= stage.duration;
  }
  return std::int64_t(whole / 2'000'000'000);
}

TEST(Arrivals, each_comes_when_the_integral_reaches_its_number_to_the_nanosecond) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const Arrivals arrivals(stages);
    RC_ASSERT(arrivals.total() == floor_of_integral(stages, 1h));
    if (arrivals.total() == 0) return;
    for (int i = 0; i < 20; ++i) {
      const auto k = *rc::gen::inRange<std::int64_t>(0, arrivals.total());
      const Duration at = arrivals.at(k);
      RC_ASSERT(floor_of_integral(stages, at + 1ns) >= k + 1);
      RC_ASSERT(floor_of_integral(stages, at - 1ns) <= k);
    }
  }));
}

TEST(Arrivals, until_any_time_there_were_as_many_as_the_integral_says) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const Arrivals arrivals(stages);
    for (int i = 0; i < 20; ++i) {
      const Duration t{*rc::gen::inRange<std::int64_t>(-1'000'000'000, 130'000'000'000)};
      const auto count = arrivals.until(t);
      // Only one whose exact time is less than a nanosecond away may be told otherwise.
      RC_ASSERT(count >= floor_of_integral(stages, t - 1ns));
      RC_ASSERT(count <= floor_of_integral(stages, t + 1ns));
    }
  }));
}

TEST(Arrivals, they_come_in_order_and_until_counts_them) {
  EXPECT_TRUE(rc::check([] {
    const Arrivals arrivals(some_stages());
    const auto times = times_of(arrivals);
    RC_ASSERT(std::int64_t(times.size()) == arrivals.total());
    RC_ASSERT(std::ranges::is_sorted(times));
    RC_ASSERT((std::ranges::adjacent_find(times) == times.end()));
    for (std::size_t k = 0; k < times.size(); ++k) {
      RC_ASSERT(arrivals.at(std::int64_t(k)) == times[k]);
      RC_ASSERT(arrivals.until(times[k]) == std::int64_t(k) + 1);
    }
    if (!times.empty()) RC_ASSERT((times.front() >= 0s && times.back() <= arrivals.end()));
  }));
}

TEST(Arrivals, the_workers_parts_are_the_whole) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const auto workers = *rc::gen::inRange<std::int64_t>(1, 9);
    Arrivals alone(stages);
    std::vector<Arrivals> parts;
    for (std::int64_t i = 0; i < workers; ++i) parts.emplace_back(stages, Part{i, workers});
    while (const auto arrival = alone.next()) {
      const auto part = parts[std::size_t(arrival->k % workers)].next();
      RC_ASSERT(part.has_value());
      RC_ASSERT(part->k == arrival->k);
      RC_ASSERT(part->at == arrival->at);
    }
    for (auto& part : parts) RC_ASSERT(!part.next().has_value());
  }));
}

}  // namespace
}  // namespace utakata::load
