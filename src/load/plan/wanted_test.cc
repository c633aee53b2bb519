#include "load/plan/wanted.h"

#include <gtest/gtest.h>

namespace utakata::load {
namespace {

TEST(Wanted, is_of_all_flows_at_that_time) {
  const auto plan = read_load_plan(R"({"scenarios": {
    "stay": {"users": 10, "duration": "60s"},
    "ramp": {"users": {"stages": [{"duration": "10s", "target": 100},
                                  {"duration": "10s", "target": 100}]},
             "start_after": "5s"},
    "come": {"arrivals": {"start": "0/s", "stages": [{"duration": "10s", "target": "20/s"},
                                                     {"duration": "10s", "target": "20/s"}]}}}})");
  ASSERT_TRUE(plan);
  const std::pair<Duration, Wanted> rows[] = {
      {-1s, {0, 0}},    {0s, {10, 0}},  {5s, {10, 10}}, {10s, {60, 20}},
      {15s, {110, 20}}, {25s, {10, 0}}, {60s, {0, 0}},
  };
  for (const auto& [at, is] : rows) EXPECT_EQ(wanted(*plan, at), is) << to_seconds(at);
  EXPECT_EQ(wanted(*plan, 10s, 1.5), (Wanted{90, 30}));
}

TEST(Wanted, of_no_such_flow_is_nothing) {
  const auto closed = read_load_plan(R"({"users": 3, "iterations": 1})");
  ASSERT_TRUE(closed);
  EXPECT_EQ(wanted(*closed, 1h, 1.2), (Wanted{4, std::nullopt}));
  const auto open = read_load_plan(R"({"arrivals": "90/m", "duration": "1m"})");
  ASSERT_TRUE(open);
  EXPECT_EQ(wanted(*open, 1s), (Wanted{std::nullopt, 1.5}));
}

}  // namespace
}  // namespace utakata::load
