#include "load/pacing/population.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace utakata::load {
namespace {

TEST(Population, goes_up_stays_goes_down_and_ends) {
  const Population population({{.duration = 10s, .from = 0, .to = 100},
                               {.duration = 1min, .from = 100, .to = 100},
                               {.duration = 10s, .from = 100, .to = 40},
                               {.duration = 5s, .from = 7, .to = 7}});  // a step
  const std::pair<Duration, std::int64_t> rows[] = {{-1s, 0},
                                                    {0s, 0},
                                                    {100ms - 1ns, 0},
                                                    {100ms, 1},
                                                    {5s, 50},
                                                    {10s - 1ns, 99},
                                                    {10s, 100},
                                                    {70s, 100},
                                                    {70s + 1ns, 100},
                                                    {75s, 70},
                                                    {75s + 1ns, 70},
                                                    {75s + 166'666'666ns, 70},
                                                    {75s + 166'666'667ns, 69},
                                                    {80s - 1ns, 41},
                                                    {80s, 7},
                                                    {85s - 1ns, 7},
                                                    {85s, 0},
                                                    {1h, 0}};
  for (const auto& [t, users] : rows) EXPECT_EQ(population.at(t), users) << t.count();
  EXPECT_EQ(population.end(), 85s);
  EXPECT_EQ(population.highest(), 100);
}

TEST(Population, says_when_it_is_another_next) {
  const Population population({{.duration = 10s, .from = 0, .to = 100},
                               {.duration = 1min, .from = 100, .to = 100},
                               {.duration = 5s, .from = 7, .to = 7}});
  EXPECT_EQ(population.next_change(-1s), 100ms);
  EXPECT_EQ(population.next_change(100ms), 200ms);
  EXPECT_EQ(population.next_change(9950ms), 10s);
  EXPECT_EQ(population.next_change(10s), 70s);
  EXPECT_EQ(population.next_change(70s), 75s);
  EXPECT_EQ(population.next_change(75s), std::nullopt);
  EXPECT_EQ(Population({{.duration = 5s, .from = 3, .to = 3}}).next_change(-1s), 0s);
  EXPECT_EQ(Population({{1s, 9, 9}, {2s, 14, 9}, {2s, 9, 9}}).next_change(0s), 1s)
      << "a step, though it is the same again later";
  EXPECT_EQ(Population({}).next_change(-1s), std::nullopt);
  EXPECT_EQ(Population({{.duration = 5s}}).next_change(0s), std::nullopt);
}

TEST(Population, it_may_last_for_ever) {
  const Population population(
      {{.duration = Duration::max(), .from = 10'000'000, .to = 10'000'000}});
  EXPECT_EQ(population.at(24h * 36'500), 10'000'000);
  EXPECT_EQ(population.next_change(5s), Duration::max());
  const Population slow({{.duration = Duration::max(), .from = 0, .to = 10'000'000}}, {3, 16});
  const Duration change = slow.next_change(0s).value();
  EXPECT_EQ(slow.at(change - 1ns), 0);
  EXPECT_EQ(slow.at(change), 1);
}

std::vector<PopulationStage> some_stages() {
  std::vector<PopulationStage> stages(*rc::gen::inRange<std::size_t>(0, 6));
  for (auto& stage : stages) {
    stage.duration = Duration(*rc::gen::inRange(0, 40));  // a few ns: each is looked at
    stage.from = *rc::gen::inRange(0, 30);
    stage.to = *rc::gen::arbitrary<bool>() ? stage.from : *rc::gen::inRange(0, 30);
  }
  return stages;
}

// The line, rounded to the side that it comes from.
std::int64_t users_by_hand(const std::vector<PopulationStage>& stages, Duration t) {
  if (t < 0s) return 0;
  for (const auto& [duration, from, to] : stages) {
    if (t >= duration) {
      t -= duration;
      continue;
    }
    std::int64_t users = from;
    while (users < to && (users + 1 - from) * duration.count() <= (to - from) * t.count()) ++users;
    while (users > to && (from - users + 1) * duration.count() <= (from - to) * t.count()) --users;
    return users;
  }
  return 0;
}

TEST(Population, is_the_rounded_line) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const Population population(stages);
    std::int64_t highest = 0;
    for (Duration t = -2ns; t < 260ns; t += 1ns) {
      RC_ASSERT(population.at(t) == users_by_hand(stages, t));
      highest = std::max(highest, population.at(t));
    }
    RC_ASSERT(population.highest() == highest);
  }));
}

TEST(Population, the_workers_parts_add_up_to_the_whole_and_are_alike) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const auto workers = *rc::gen::inRange<std::int64_t>(1, 9);
    for (Duration t = 0s; t < 250ns; t += 1ns) {
      std::int64_t sum = 0, least = INT64_MAX, most = 0;
      for (std::int64_t i = 0; i < workers; ++i) {
        const Population part(stages, {i, workers});
        sum += part.at(t);
        least = std::min(least, part.at(t)), most = std::max(most, part.at(t));
      }
      RC_ASSERT(sum == Population(stages).at(t));
      RC_ASSERT(most - least <= 1);
    }
  }));
}

TEST(Population, from_change_to_change_is_the_same_as_looking_all_the_time) {
  EXPECT_TRUE(rc::check([] {
    const auto stages = some_stages();
    const auto workers = *rc::gen::inRange<std::int64_t>(1, 4);
    const Population part(stages, {*rc::gen::inRange<std::int64_t>(0, workers), workers});
    for (Duration t = -3ns; t < 250ns; t += 1ns) {
      std::optional<Duration> next;
      for (Duration later = t + 1ns; later < 300ns && !next; later += 1ns)
        if (part.at(later) != part.at(t)) next = later;
      RC_ASSERT(part.next_change(t) == next);
    }
  }));
}

TEST(Part, numbers_of_all_parts_are_each_number_once) {
  EXPECT_TRUE(rc::check([] {
    const auto workers = *rc::gen::inRange<std::int64_t>(1, 20);
    const auto total = *rc::gen::inRange<std::int64_t>(0, 100);
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < workers; ++i)
      for (std::int64_t nth = 0; nth < Part{i, workers}.share_of(total); ++nth)
        numbers.push_back(Part{i, workers}.number_of(nth));
    std::ranges::sort(numbers);
    RC_ASSERT(std::int64_t(numbers.size()) == total);
    for (std::int64_t n = 0; n < total; ++n) RC_ASSERT(numbers[std::size_t(n)] == n);
  }));
}

}  // namespace
}  // namespace utakata::load
