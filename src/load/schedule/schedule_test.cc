#include "load/schedule/schedule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>
#include <string>

namespace utakata::load {
namespace {

LoadPlan closed(std::vector<PopulationStage> stages, std::optional<std::int64_t> iterations = {}) {
  return {.flows = {{ClosedModel{std::move(stages), iterations}, {LoadScenario{}}}},
          .thresholds = {}};
}
LoadPlan open(std::vector<ArrivalStage> stages) {
  return {.flows = {{OpenModel{std::move(stages)}, {LoadScenario{}}}}, .thresholds = {}};
}

std::string text_of(const Schedule::Turn& turn) {
  std::string text;
  for (const UserBegin& user : turn.begin)
    text += fmt::format("+{}@{} ", user.number, to_ms(user.meant));
  for (const std::int64_t number : turn.leave) text += fmt::format("-{} ", number);
  return text.empty() ? text : text.substr(0, text.size() - 1);
}
std::string at(Schedule& schedule, Duration now) { return text_of(schedule.at(now)); }

TEST(Schedule, users_begin_anew_when_they_are_done_and_leave_at_the_end) {
  Schedule schedule(closed({{10s, 2, 2}}), {});
  EXPECT_EQ(schedule.next(0s), 0s);
  EXPECT_EQ(at(schedule, 1ms), "+0@0 +1@0");
  EXPECT_EQ(schedule.next(1ms), 10s);
  schedule.done(1, 3s);
  EXPECT_EQ(schedule.next(3s), 3s);
  EXPECT_EQ(at(schedule, 3s), "+1@3000") << "with the number it had";
  EXPECT_EQ(at(schedule, 10s), "-0 -1");
  EXPECT_EQ(schedule.next(10s), std::nullopt);
  EXPECT_FALSE(schedule.is_over(10s)) << "they are still busy";
  schedule.done(0, 11s);
  schedule.done(1, 12s);
  EXPECT_TRUE(schedule.is_over(12s));
}

TEST(Schedule, as_many_as_the_line_asks_for_each_when_it_was_meant) {
  Schedule schedule(closed({{10s, 0, 10}, {10s, 10, 8}}), {});
  EXPECT_EQ(at(schedule, 0s), "");
  EXPECT_EQ(schedule.next(0s), 1s);
  EXPECT_EQ(at(schedule, 2500ms), "+0@1000 +1@2000") << "late, but it says when it was to be";
  EXPECT_EQ(text_of(schedule.at(10s, 5)), "+2@3000 +3@4000 +4@5000 +5@6000 +6@7000");
  EXPECT_EQ(schedule.next(10s), 10s) << "there are more";
  EXPECT_EQ(at(schedule, 10s), "+7@8000 +8@9000 +9@10000");
  EXPECT_EQ(at(schedule, 15s - 1ns), "");
  EXPECT_EQ(at(schedule, 15s), "-9");
  schedule.done(9, 16s);
  EXPECT_EQ(at(schedule, 16s), "") << "it is not wanted any more";
}

TEST(Schedule, who_is_wanted_again_before_it_has_left_begins_when_it_has) {
  Schedule schedule(closed({{1s, 2, 2}, {1s, 1, 1}, {2s, 2, 2}}), {});
  EXPECT_EQ(at(schedule, 0s), "+0@0 +1@0");
  EXPECT_EQ(at(schedule, 1s), "-1");
  EXPECT_EQ(at(schedule, 2s), "");
  schedule.done(1, 3s);
  EXPECT_EQ(at(schedule, 3s), "+1@3000");
}

TEST(Schedule, with_iterations_it_is_over_when_all_had_theirs) {
  for (const Duration length : {Duration::max(), Duration(1h)}) {
    Schedule schedule(closed({{length, 2, 2}}, 2), {});
    EXPECT_EQ(at(schedule, 0s), "+0@0 +1@0");
    schedule.done(0, 1s);
    EXPECT_EQ(at(schedule, 1s), "+0@1000");
    schedule.done(0, 2s);
    EXPECT_EQ(at(schedule, 2s), "");
    schedule.done(1, 3s);
    EXPECT_FALSE(schedule.is_over(3s));
    EXPECT_EQ(at(schedule, 3s), "+1@3000");
    schedule.done(1, 4s);
    EXPECT_TRUE(schedule.is_over(4s));
  }
}

TEST(Schedule, arrivals_do_not_wait_for_one_another) {
  Schedule schedule(open({{1s, 4, 4}}), {});
  EXPECT_EQ(schedule.next(0s), 250ms);
  EXPECT_EQ(at(schedule, 600ms), "+0@250 +1@500");
  schedule.done(0, 700ms);
  EXPECT_EQ(at(schedule, 1s), "+2@750 +3@1000 -1 -2 -3") << "the end is told to who is busy";
  for (const int number : {1, 2, 3}) schedule.done(number, 1s);
  EXPECT_TRUE(schedule.is_over(1s));
}

TEST(Schedule, when_all_who_come_have_gone_it_is_over_though_there_was_time) {
  Schedule schedule(open({{1s, 2, 2}, {60s, 0, 0}}), {});
  EXPECT_EQ(at(schedule, 1s), "+0@500 +1@1000");
  schedule.done(0, 2s);
  EXPECT_EQ(schedule.next(2s), 61s) << "who is there is told at the end";
  schedule.done(1, 3s);
  EXPECT_TRUE(schedule.is_over(3s));

  Schedule fewer(open({{10s, 1, 1}, {60s, 0, 0}}), {});
  fewer.more(0, 0s);
  EXPECT_EQ(fewer.next(1s), 10s) << "they may be made more again";
  EXPECT_EQ(at(fewer, 1s), "");
  fewer.more(1, 9s);
  EXPECT_EQ(at(fewer, 10s), "+0@10000");
}

TEST(Schedule, flows_go_beside_one_another_and_scenarios_are_counted_through) {
  LoadPlan plan = closed({{1s, 1, 1}});
  plan.flows[0].scenarios = {{.name = "a"}, {.name = "b"}};
  plan.flows.push_back({OpenModel{{{1s, 1, 1}}}, {{.name = "c"}}, 2s});
  Schedule schedule(plan, {});
  EXPECT_EQ(at(schedule, 0s), "+0@0");
  schedule.done(0, 500ms);
  EXPECT_EQ(at(schedule, 1s), "");
  EXPECT_EQ(schedule.next(1s), 2s);
  EXPECT_EQ(at(schedule, 2s), "");
  const auto turn = schedule.at(3s);
  EXPECT_EQ(text_of(turn), "+1@3000 -1");
  EXPECT_EQ(turn.begin.at(0).scenario, 2u);
}

TEST(Schedule, more_and_fewer) {
  Schedule users(closed({{10s, 2, 2}}), {});
  EXPECT_EQ(at(users, 0s), "+0@0 +1@0");
  users.more(1.5, 1s);
  EXPECT_EQ(users.next(1s), 1s);
  EXPECT_EQ(at(users, 1s), "+2@0");
  users.more(0, 2s);
  EXPECT_EQ(at(users, 2s), "-0 -1 -2");

  Schedule arrivals(open({{4s, 2, 2}}), {});
  EXPECT_EQ(at(arrivals, 1s), "+0@500 +1@1000");
  arrivals.more(2, 1s);
  EXPECT_EQ(at(arrivals, 2s), "+2@1250 +3@1500 +4@1750 +5@2000");
  arrivals.more(0, 2s);
  EXPECT_EQ(at(arrivals, 3900ms), "");
}

TEST(Schedule, at_a_stop_all_leave_once) {
  Schedule schedule(closed({{10s, 3, 3}}), {});
  EXPECT_EQ(at(schedule, 0s), "+0@0 +1@0 +2@0");
  schedule.end();
  EXPECT_EQ(at(schedule, 1s), "-0 -1 -2");
  EXPECT_EQ(at(schedule, 2s), "");
  for (const int number : {0, 1, 2}) schedule.done(number, 2s);
  EXPECT_TRUE(schedule.is_over(2s));
}

// However often it is asked and however long users take: as many are wanted as the plan says, no
// number is given twice in all workers, and who is too many was told to leave.
TEST(Schedule, law_all_workers_together_are_the_plan) {
  EXPECT_TRUE(rc::check([] {
    std::vector<PopulationStage> stages;
    for (const int length : *rc::gen::container<std::vector<int>>(3, rc::gen::inRange(1, 20)))
      stages.push_back(
          {std::chrono::seconds(length), *rc::gen::inRange(0, 30), *rc::gen::inRange(0, 30)});
    const int workers = *rc::gen::inRange(1, 5);
    std::set<std::int64_t> numbers;
    std::vector<Schedule> all;
    for (int k = 0; k < workers; ++k) all.emplace_back(closed(stages), Part{k, workers});
    std::vector<std::set<std::int64_t>> busy(all.size()), leaving(all.size());
    const Population population(stages);
    Duration now{};
    while (now < population.end() + 1s) {
      std::size_t staying = 0;
      for (std::size_t k = 0; k < all.size(); ++k) {
        const auto turn = all[k].at(now);
        for (const UserBegin& user : turn.begin) {
          RC_ASSERT(user.number % workers == std::int64_t(k));
          RC_ASSERT(user.meant <= now);
          RC_ASSERT(busy[k].insert(user.number).second);
        }
        for (const std::int64_t number : turn.leave) {
          RC_ASSERT(busy[k].contains(number));
          RC_ASSERT(leaving[k].insert(number).second);
        }
        staying += busy[k].size() - leaving[k].size();
        RC_ASSERT(all[k].busy() == busy[k].size());
      }
      // Who leaves may hold the place of one that is wanted again.
      RC_ASSERT(std::int64_t(staying) <= population.at(now));
      std::size_t there = 0;
      for (const auto& some : busy) there += some.size();
      RC_ASSERT(std::int64_t(there) >= population.at(now));
      for (std::size_t k = 0; k < all.size(); ++k)
        for (const std::int64_t number : std::set(busy[k]))
          if (*rc::gen::inRange(0, 4) == 0 || leaving[k].contains(number)) {
            all[k].done(number, now);
            busy[k].erase(number);
            leaving[k].erase(number);
          }
      now += std::chrono::milliseconds(*rc::gen::inRange(1, 3000));
    }
    for (Schedule& one : all) {
      one.at(now);
      RC_ASSERT(!one.next(now));
    }
  }));
}

}  // namespace
}  // namespace utakata::load
