#include "load/plan/load_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "load/plan/plan_words.h"

namespace utakata::load {
namespace {

LoadPlan plan_of(std::string_view json) {
  auto plan = read_load_plan(json);
  EXPECT_TRUE(plan) << json << "\n" << to_text(plan.error(), "f");
  return plan ? *plan : LoadPlan{};
}

// One flow of the default scenario.
template <class Model>
Model model_of(std::string_view json) {
  const LoadPlan plan = plan_of(json);
  EXPECT_EQ(plan.flows.size(), 1u) << json;
  if (plan.flows.empty()) return {};
  EXPECT_EQ(plan.flows[0].scenarios, std::vector{LoadScenario{}});
  EXPECT_EQ(plan.flows[0].start_after, 0s);
  const auto* model = std::get_if<Model>(&plan.flows[0].model);
  EXPECT_TRUE(model) << json;
  return model ? *model : Model{};
}

TEST(LoadPlan, users_begin_anew_when_they_are_done) {
  struct Row {
    std::string json;
    ClosedModel model;
  };
  const Row rows[] = {
      {R"({"users": 100, "duration": "5m"})", {{{5min, 100, 100}}}},
      {R"({"users": 1, "duration": 1.5})", {{{1500ms, 1, 1}}}},
      {R"({"users": 10, "iterations": 3})", {{{Duration::max(), 10, 10}}, 3}},
      {R"({"users": 10, "iterations": 3, "duration": "1h30m"})", {{{90min, 10, 10}}, 3}},
      {R"({"users": {"stages": [{"duration": "30s", "target": 100},
                                  {"duration": 60, "target": 100}],
           "start": 5}, "iterations": 2})",
       {{{30s, 5, 100}, {1min, 100, 100}}, 2}},
      {R"({"stages": [{"duration": "30s", "target": 100}, {"duration": "0s", "target": 20},
           {"duration": "5s", "target": 0}, {"duration": "9s", "target": 7, "step": true},
           {"duration": "1s", "target": 8, "step": false}]})",
       {{{30s, 0, 100}, {0s, 100, 20}, {5s, 20, 0}, {9s, 7, 7}, {1s, 7, 8}}}},
      {R"({"users": 1e7, "duration": "720h"})", {{{24h * 30, 10'000'000, 10'000'000}}}},
  };
  for (const Row& row : rows) EXPECT_EQ(model_of<ClosedModel>(row.json), row.model) << row.json;
}

TEST(LoadPlan, arrivals_come_whether_others_are_done_or_not) {
  struct Row {
    std::string json;
    OpenModel model;
  };
  const Row rows[] = {
      {R"({"arrivals": "50/s", "duration": "5m"})", {{{5min, 50, 50}}}},
      {R"({"arrivals": "90/m", "duration": "5m"})", {{{5min, 1.5, 1.5}}}},
      {R"({"arrivals": "1800/h", "duration": "5m"})", {{{5min, 0.5, 0.5}}}},
      {R"({"arrivals": 2.5, "duration": "5m"})", {{{5min, 2.5, 2.5}}}},
      {R"({"arrivals": {"stages": [{"duration": "1m", "target": "100/s"},
                                   {"duration": "1m", "target": "60/m", "step": true}],
                        "start": "10/s"}})",
       {{{1min, 10, 100}, {1min, 1, 1}}}},
      {R"({"arrivals": {"stages": [{"duration": "1m", "target": "1000000/s"}]}})",
       {{{1min, 0, 1e6}}}},
  };
  for (const Row& row : rows) EXPECT_EQ(model_of<OpenModel>(row.json), row.model) << row.json;
}

TEST(LoadPlan, scenarios_share_the_users_by_weight) {
  const LoadPlan plan = plan_of(R"({"users": 100, "duration": "5m", "scenarios": {
      "fans": {"exec": "fan", "weight": 80}, "pollers": {"weight": 20, "tags": {"by": "poll"}}}})");
  ASSERT_EQ(plan.flows.size(), 1u);
  EXPECT_EQ(plan.flows[0].model, LoadModel(ClosedModel{{{5min, 100, 100}}}));
  EXPECT_EQ(
      plan.flows[0].scenarios,
      (std::vector<LoadScenario>{{"fans", "fan", 80}, {"pollers", "user", 20, {{"by", "poll"}}}}));
}

TEST(LoadPlan, scenarios_have_users_of_their_own) {
  const LoadPlan plan = plan_of(R"({"scenarios": {
      "fans": {"exec": "fan", "users": 10, "duration": "1m"},
      "late": {"arrivals": "1/s", "duration": "5m", "start_after": "30s"},
      "once": {"stages": [{"duration": 5, "target": 9}], "iterations": 1}}})");
  EXPECT_EQ(plan.flows, (std::vector<LoadFlow>{{ClosedModel{{{1min, 10, 10}}}, {{"fans", "fan"}}},
                                               {OpenModel{{{5min, 1, 1}}}, {{"late"}}, 30s},
                                               {ClosedModel{{{5s, 0, 9}}, 1}, {{"once"}}}}));
}

TEST(LoadPlan, what_stands_beside_the_users) {
  const LoadPlan plan = plan_of(R"({"users": 1, "duration": 1, "graceful_stop": "1m30s",
      "tags": {"release": "v2", "build": 7, "night": true},
      "thresholds": {"echo": "p(95)<500", "sent{by:poll}": ["count>1", "rate<5"],
                     "checks": [{"threshold": "rate>0.99", "abort_on_fail": true}],
                     "users": {"threshold": "max<9"}}})");
  EXPECT_EQ(plan.graceful_stop, 90s);
  EXPECT_EQ(plan.tags, (Tags{{"build", "7"}, {"night", "true"}, {"release", "v2"}}));
  std::string thresholds;
  for (const auto& one : plan.thresholds)
    thresholds +=
        fmt::format("{} {}{}\n", one.metric, one.expression, one.aborts_run ? " or abort" : "");
  EXPECT_EQ(thresholds,
            "echo p(95)<500\nsent{by:poll} count>1\nsent{by:poll} rate<5\n"
            "checks rate>0.99 or abort\nusers max<9\n");
  EXPECT_EQ(plan.thresholds[1].of.tags, (Tags{{"by", "poll"}}));

  const LoadPlan plain = plan_of(R"({"users": 1, "duration": 1})");
  EXPECT_EQ(plain.graceful_stop, 30s);
  EXPECT_EQ(plain.thresholds.size() + plain.tags.size(), 0u);
}

TEST(LoadPlan, how_long_it_takes) {
  EXPECT_EQ(length(ClosedModel{{{30s, 0, 5}, {1min, 5, 5}}}), 90s);
  EXPECT_EQ(length(ClosedModel{{{Duration::max(), 5, 5}}, 3}), std::nullopt);
  EXPECT_EQ(length(OpenModel{{{30s, 0, 5}}}), 30s);
}

TEST(LoadPlan, is_said_in_one_line) {
  const std::pair<std::string, std::string> rows[] = {
      {R"({"users": 1000, "duration": "5m"})", "1,000 users for 5 min"},
      {R"({"users": 1, "iterations": 1})", "1 user, 1 iteration each"},
      {R"({"users": 10, "iterations": 2000, "duration": "1h30m"})",
       "10 users for 1 h 30 min, 2,000 iterations each at most"},
      {R"({"stages": [{"duration": "30s", "target": 1000}, {"duration": "5m", "target": 1000}]})",
       "ramps to 1,000 users in 30 s, holds 5 min"},
      {R"({"users": {"start": 50, "stages": [{"duration": "30s", "target": 50},
          {"duration": "1m", "target": 200, "step": true}, {"duration": "0s", "target": 100},
          {"duration": "10s", "target": 0}]}})",
       "starts with 50 users, holds 30 s, steps to 200 for 1 min, steps to 100, ramps down to 0 in "
       "10 s"},
      {R"({"stages": [{"duration": "10s", "target": 1}, {"duration": "10s", "target": 2},
          {"duration": "10s", "target": 3}, {"duration": "10s", "target": 4},
          {"duration": "10s", "target": 5}, {"duration": "10s", "target": 6}]})",
       "ramps to 1 user in 10 s, ramps to 2 in 10 s, ramps to 3 in 10 s, ramps to 4 in 10 s, "
       "ramps to 5 in 10 s, ramps to 6 in 10 s"},
      {R"({"stages": [{"duration": "10s", "target": 1}, {"duration": "10s", "target": 2},
          {"duration": "10s", "target": 3}, {"duration": "10s", "target": 4},
          {"duration": "10s", "target": 5}, {"duration": "10s", "target": 6},
          {"duration": "10s", "target": 7}]})",
       "ramps to 1 user in 10 s, ramps to 2 in 10 s, ramps to 3 in 10 s, ramps to 4 in 10 s, "
       "ramps to 5 in 10 s and so on, 1 min 10 s in all"},
      {R"({"arrivals": "50/s", "duration": "5m"})", "50 arrivals/s for 5 min"},
      {R"({"arrivals": "90/h", "duration": "5m"})", "1.5 arrivals/min for 5 min"},
      {R"({"arrivals": {"stages": [{"duration": "500ms", "target": "12500/s"},
          {"duration": "2d", "target": "30/h", "step": true}]}})",
       "ramps to 12,500 arrivals/s in 500 ms, steps to 30/h for 2 d"},
      {R"({"users": 9, "duration": 5,
          "scenarios": {"fans": {"weight": 4}, "pollers": {"weight": 1}}})",
       "9 users for 5 s: 80 % fans, 20 % pollers"},
      {R"({"scenarios": {"fans": {"users": 10, "duration": "1m"},
          "late": {"arrivals": "1/s", "duration": "5m", "start_after": "30s"}}})",
       "fans: 10 users for 1 min; late (after 30 s): 1 arrival/s for 5 min"},
  };
  for (const auto& [json, words] : rows) EXPECT_EQ(to_text(plan_of(json)), words) << json;
}

TEST(LoadPlan, numbers_and_times_are_said_so_that_people_read_them) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(-1'234'567), "-1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(words_of(Duration{}), "0 s");
  EXPECT_EQ(words_of(25h + 61s), "1 d 1 h");
}

TEST(LoadPlan, any_text_with_small_damage_is_read_or_refused_with_reasons) {
  const std::string good =
      R"({"users":{"start":5,"stages":[{"duration":"30s","target":100,"step":true}]},)"
      R"("scenarios":{"a":{"weight":3},"b":{"exec":"c","weight":1,"tags":{"d":"e"}}},)"
      R"("thresholds":{"echo":["p(95)<500",{"threshold":"avg<1s","abort_on_fail":true}]}})";
  ASSERT_TRUE(read_load_plan(good));
  EXPECT_TRUE(rc::check([&] {
    std::string text = good;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto length = *rc::gen::inRange<std::size_t>(0, 8);
    const std::string piece = *rc::gen::element<std::string>(
        "", "0", "-1", "1e400", "null", "[]", "{}", "\"\"", "9999999999999", "\"x\":1,");
    text.replace(at, length, piece);
    const auto plan = read_load_plan(text);
    if (plan) {
      RC_ASSERT(!plan->flows.empty());
      for (const auto& flow : plan->flows) RC_ASSERT(!flow.scenarios.empty());
      RC_ASSERT(!to_text(*plan).empty());
    } else {
      RC_ASSERT(!plan.error().empty());
      for (const auto& [path, what] : plan.error()) {
        RC_ASSERT(path.starts_with("load"));
        RC_ASSERT((what.ends_with('.') || what.ends_with('?')));
      }
    }
  }));
}

}  // namespace
}  // namespace utakata::load
