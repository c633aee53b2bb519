#include "load/plan/plan_peak.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace utakata::load {
namespace {

LoadPeak peak_of(std::string_view json) {
  const auto plan = read_load_plan(json);
  EXPECT_TRUE(plan) << json;
  return plan ? peak(*plan) : LoadPeak{};
}

TEST(PlanPeak, is_the_most_that_there_is_at_once) {
  struct Row {
    std::string json;
    LoadPeak peak;
  };
  const Row rows[] = {
      {R"({"users": 100, "duration": "5m"})", {.users = 100, .begins_together = 100}},
      {R"({"users": 10, "iterations": 3})", {.users = 10, .begins_together = 10}},
      {R"({"stages": [{"duration": "10s", "target": 100}, {"duration": "5m", "target": 100},
           {"duration": "10s", "target": 20}]})",
       {.users = 100, .begins_per_second = 10}},
      {R"({"stages": [{"duration": "1s", "target": 30, "step": true},
                      {"duration": "1s", "target": 80, "step": true}]})",
       {.users = 80, .begins_together = 50}},
      {R"({"arrivals": "50/s", "duration": "5m"})",
       {.arrivals_per_second = 50, .arrivals = 15'000, .begins_per_second = 50}},
      {R"({"arrivals": {"stages": [{"duration": "10s", "target": "100/s"}], "start": "20/s"}})",
       {.arrivals_per_second = 100, .arrivals = 600, .begins_per_second = 100}},
  };
  for (const auto& [json, peak] : rows) {
    const LoadPeak got = peak_of(json);
    EXPECT_EQ(got, peak) << json << ": " << got.users << " users, " << got.arrivals_per_second
                         << "/s, " << got.arrivals << " in all, " << got.begins_per_second
                         << " begin a second, " << got.begins_together << " together";
  }
}

TEST(PlanPeak, flows_add_up_only_where_they_overlap) {
  const auto together = peak_of(R"({"scenarios": {
      "a": {"users": 10, "duration": "1m"},
      "b": {"users": 20, "duration": "1m", "start_after": "30s"},
      "c": {"arrivals": "5/s", "duration": "1m"}}})");
  EXPECT_EQ(together.users, 30);
  EXPECT_EQ(together.arrivals, 300);
  EXPECT_EQ(together.begins_together, 20);
  const auto apart = peak_of(R"({"scenarios": {
      "a": {"users": 10, "duration": "30s"},
      "b": {"users": 20, "duration": "1m", "start_after": "30s"}}})");
  EXPECT_EQ(apart.users, 20);
}

// In the middle of one's ramp the other begins.
TEST(PlanPeak, the_highest_may_be_where_another_flow_begins_or_ends) {
  const auto got = peak_of(R"({"scenarios": {
      "a": {"stages": [{"duration": "10s", "target": 100}, {"duration": "10s", "target": 0}]},
      "b": {"users": 50, "duration": "5s", "start_after": "15s"},
      "c": {"arrivals": {"stages": [{"duration": "10s", "target": "8/s"}]}}}})");
  EXPECT_EQ(got.users, 100) << "50 and 50";
  EXPECT_EQ(got.begins_per_second, 18) << "both rise until the 10th second";
}

std::vector<PopulationStage> any_stages() {
  std::vector<PopulationStage> stages;
  std::int64_t level = *rc::gen::inRange(0, 20);
  for (int left = *rc::gen::inRange(1, 4); left > 0; --left) {
    const std::int64_t to = *rc::gen::inRange(0, 20);
    stages.push_back({1s * *rc::gen::inRange(0, 5), level, to});
    level = to;
  }
  return stages;
}

TEST(PlanPeak, no_moment_has_more_and_one_has_as_many) {
  EXPECT_TRUE(rc::check([] {
    LoadPlan plan;
    for (int left = *rc::gen::inRange(1, 4); left > 0; --left)
      plan.flows.push_back(
          {ClosedModel{any_stages()}, {LoadScenario{}}, 1s * *rc::gen::inRange(0, 5)});
    std::int64_t highest = 0;
    for (Duration t{}; t < 20s; t += 10ms) {
      std::int64_t users = 0;
      for (const LoadFlow& flow : plan.flows)
        users += Population(std::get<ClosedModel>(flow.model).stages).at(t - flow.start_after);
      highest = std::max(highest, users);
    }
    const auto flows = std::int64_t(plan.flows.size());
    const std::int64_t got = peak(plan).users;
    RC_ASSERT(got >= highest - flows && got <= highest + flows);
  }));
}

}  // namespace
}  // namespace utakata::load
