// Timelines of whole rule sets, and of rules with the arbiter behind them.
#include "fleet/plan/rules.h"

#include <gtest/gtest.h>

#include "fleet/plan/arbiter.h"
#include "fleet/stack/expression.h"

namespace utakata {
namespace {

class RulesTest : public testing::Test {
 protected:
  RulesTest() {
    spec.capacity = 500;
    spec.instances_min = 1, spec.instances_max = 20;
    spec.settle = 10min;
    connections_each(0);
  }

  void headroom(Amount amount) { spec.scale.push_back({"headroom", HeadroomRule{amount}}); }
  WhenRule& when(const std::string& name, std::string_view text, Duration sustained) {
    auto condition = parse_expression(text, spec.metrics);
    EXPECT_TRUE(condition) << condition.error().what;
    spec.scale.push_back({name, WhenRule{.condition = std::move(*condition),
                                         .sustained = sustained,
                                         .add = {},
                                         .remove = {},
                                         .to = {}}});
    return std::get<WhenRule>(spec.scale.back().kind);
  }

  // What the instances tell from now on.
  void connections_each(int connections) { each = connections; }
  std::vector<Proposal> feed(RuleSet& rules) {
    now += 1s;
    Sample sample{.at = now,
                  .serving = serving,
                  .starting = starting,
                  .capacity = spec.capacity,
                  .connections = std::int64_t(each) * serving,
                  .told = serving,
                  .numbers = {}};
    sample.numbers.resize(spec.metrics.size());
    sample.numbers[0].assign(each < 0 ? 0 : std::size_t(serving), each);
    return rules.feed(sample);
  }
  // The last rule's answer after so many ticks.
  Proposal after(Duration time, RuleSet& rules) {
    Proposal last;
    for (const Instant end = now + time; now < end;) last = feed(rules).back();
    return last;
  }
  Proposal next(RuleSet& rules) { return after(1s, rules); }

  ClusterSpec spec;
  int serving = 3, starting = 0, each = 0;
  static constexpr int nobody_tells = -1;
  Instant now{1h};
};

TEST_F(RulesTest, each_rule_answers_in_the_files_order) {
  headroom({200, false});
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(100);
  EXPECT_EQ(feed(rules),
            (std::vector<Proposal>{{"headroom", 1, "300 connections + 200 headroom need 1 of 500"},
                                   {"crowded", std::nullopt,
                                    "avg(connections) > 400 is not so (avg(connections) 100)"}}));
}

TEST_F(RulesTest, a_crowd_that_lasts_adds_two) {
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  EXPECT_EQ(after(10s, rules),
            (Proposal{"crowded", std::nullopt,
                      "avg(connections) > 400 for 9s of 10s (avg(connections) 431)"}));
  EXPECT_EQ(next(rules),
            (Proposal{"crowded", 5,
                      "avg(connections) > 400 for 10s (avg(connections) 431): 2 more than 3"}));
}

TEST_F(RulesTest, a_crowd_that_goes_for_one_second_starts_the_wait_anew) {
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  after(9s, rules);
  connections_each(10);
  next(rules);
  connections_each(431);
  EXPECT_FALSE(after(10s, rules).want);
  EXPECT_TRUE(next(rules).want);
}

TEST_F(RulesTest, a_tick_in_which_nobody_tells_starts_the_wait_anew) {
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  after(9s, rules);
  connections_each(nobody_tells);
  EXPECT_EQ(next(rules).because,
            "avg(connections) > 400 cannot be told from 3 serving (avg(connections) unknown)");
  connections_each(431);
  EXPECT_FALSE(after(10s, rules).want);
  EXPECT_TRUE(next(rules).want);
}

TEST_F(RulesTest, a_controller_that_slept_has_not_seen_the_crowd_last) {
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  after(5s, rules);
  now += 10s;
  EXPECT_FALSE(after(10s, rules).want);
  EXPECT_TRUE(next(rules).want);
}

TEST_F(RulesTest, a_size_is_wanted_as_long_as_its_condition_holds) {
  WhenRule& rule = when("players", "avg(connections) > 100", 2s);
  rule.to =
      parse_expression("ceil(sum(connections) / 400) + 1", spec.metrics, ExpressionType::number)
          .value();
  RuleSet rules(spec);
  connections_each(300);
  EXPECT_FALSE(after(2s, rules).want);
  EXPECT_EQ(next(rules),
            (Proposal{"players", 4,
                      "avg(connections) > 100 for 2s (avg(connections) 300): ceil(sum(connections) "
                      "/ 400) + 1 (sum(connections) 900) is 4"}));
  connections_each(500);
  EXPECT_EQ(next(rules).want, 5) << "it has no memory and no pause";
  connections_each(100);
  EXPECT_EQ(next(rules).want, std::nullopt);
}

TEST_F(RulesTest, a_size_without_a_condition_is_always_wanted_but_for_what_cannot_be_told) {
  WhenRule rule;
  rule.to =
      parse_expression("sum(connections) / count()", spec.metrics, ExpressionType::number).value();
  spec.scale.push_back({"to", rule});
  RuleSet rules(spec);
  connections_each(7);
  EXPECT_EQ(next(rules).want, 7);
  connections_each(nobody_tells);
  EXPECT_EQ(next(rules),
            (Proposal{"to", std::nullopt,
                      "sum(connections) / count() (sum(connections) unknown, count(connections) 0) "
                      "cannot be told"}));
}

TEST_F(RulesTest, divided_by_what_is_zero_just_now_there_is_no_opinion) {
  when("crowded", "sum(connections) / count(rooms) > 3", 0s).add = Amount{1, false};
  WhenRule rule;
  rule.to = parse_expression("ceil(sum(connections) / count(rooms))", spec.metrics,
                             ExpressionType::number)
                .value();
  spec.scale.push_back({"to", rule});
  RuleSet rules(spec);
  connections_each(7);
  for (const Proposal& proposal : feed(rules)) {
    EXPECT_EQ(proposal.want, std::nullopt) << proposal.because;
    EXPECT_NE(proposal.because.find("cannot be told"), std::string::npos) << proposal.because;
  }
}

TEST_F(RulesTest, without_for_it_fires_at_once) {
  when("crowded", "avg(connections) > 400", 0s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  EXPECT_EQ(
      next(rules),
      (Proposal{"crowded", 5, "avg(connections) > 400 (avg(connections) 431): 2 more than 3"}));
}

TEST_F(RulesTest, what_was_added_is_wanted_until_it_serves_then_the_rule_pauses) {
  when("crowded", "avg(connections) > 400", 0s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  next(rules);
  starting = 2;
  EXPECT_EQ(after(20s, rules).want, 5) << "booting: not 7";
  starting = 1;
  EXPECT_EQ(next(rules).want, 5) << "one failed to boot: still wanted";
  connections_each(10);
  EXPECT_EQ(next(rules).want, 5) << "the crowd went: still wanted";
  serving = 5, starting = 0;
  EXPECT_FALSE(next(rules).want);
  connections_each(450);
  EXPECT_EQ(
      after(30s, rules),
      (Proposal{"crowded", std::nullopt,
                "avg(connections) > 400 (avg(connections) 450), but it pauses for 2m7s more"}));
  EXPECT_EQ(after(2min + 7s, rules).want, 7);
}

TEST_F(RulesTest, what_never_came_is_asked_for_anew_after_the_pause_if_it_is_still_needed) {
  when("crowded", "avg(connections) > 400", 5s).add = Amount{2, false};
  RuleSet rules(spec);
  connections_each(431);
  EXPECT_EQ(after(6s, rules).want, 5);
  starting = 1;
  EXPECT_EQ(after(3min - 1s, rules).want, 5);
  EXPECT_EQ(next(rules).want, 6) << "3 serve, 1 boots, and 2 more";
  connections_each(1);
  EXPECT_EQ(after(3min - 1s, rules).want, 6);
  EXPECT_FALSE(next(rules).want);
}

TEST_F(RulesTest, a_percentage_is_of_the_serving_ones_rounded_up_at_least_one) {
  when("crowded", "count() > 0", 0s).add = Amount{25, true};
  const std::pair<int, int> cases[] = {{1, 2}, {3, 4}, {4, 5}, {5, 7}, {8, 10}, {100, 125}};
  for (const auto& [now_serving, want] : cases) {
    RuleSet rules(spec);
    serving = now_serving;
    EXPECT_EQ(next(rules).want, want) << now_serving;
  }
  RuleSet rules(spec);
  serving = 4, starting = 3;
  EXPECT_EQ(next(rules).want, 8) << "on top of what is starting";
}

TEST_F(RulesTest, a_quiet_cluster_removes_one_and_pauses) {
  WhenRule& quiet = when("quiet", "avg(connections) < 100", 1min);
  quiet.remove = Amount{1, false};
  RuleSet rules(spec);
  connections_each(62);
  EXPECT_FALSE(after(1min, rules).want);
  EXPECT_EQ(next(rules),
            (Proposal{"quiet", 2,
                      "avg(connections) < 100 for 1m (avg(connections) 62): 1 fewer than 3"}));
  EXPECT_EQ(after(2min, rules).want, 2) << "wanted until it happens";
  serving = 2;
  EXPECT_FALSE(next(rules).want);
  EXPECT_FALSE(after(58s, rules).want);
  EXPECT_EQ(next(rules).want, 1);
}

TEST_F(RulesTest, a_removal_is_withdrawn_when_its_reason_ends_or_cannot_be_told) {
  when("quiet", "avg(connections) < 100", 0s).remove = Amount{1, false};
  for (const int then : {200, nobody_tells}) {
    RuleSet rules(spec);
    connections_each(62);
    EXPECT_EQ(next(rules).want, 2);
    connections_each(then);
    EXPECT_FALSE(next(rules).want);
    connections_each(62);
    EXPECT_FALSE(next(rules).want) << "it pauses";
  }
}

TEST_F(RulesTest, nothing_is_removed_below_zero) {
  when("quiet", "count() < 100", 0s).remove = Amount{5, false};
  RuleSet rules(spec);
  EXPECT_EQ(next(rules).want, 0);
}

TEST_F(RulesTest, after_a_takeover_a_rule_may_add_and_not_remove_until_it_has_seen_enough) {
  when("crowded", "avg(connections) > 400", 0s).add = Amount{2, false};
  RuleSet adding(spec);
  adding.takeover(now);
  connections_each(431);
  EXPECT_EQ(next(adding).want, 5);
  spec.scale.clear();
  when("quiet", "avg(connections) < 100", 10s).remove = Amount{1, false};
  RuleSet removing(spec);
  connections_each(62);
  after(10s, removing);
  removing.takeover(now);
  EXPECT_FALSE(after(3min - 1s, removing).want)
      << "nobody knows when the former controller removed one";
  EXPECT_EQ(next(removing).want, 2);
}

TEST_F(RulesTest, two_rules_on_one_stream_do_not_disturb_each_other) {
  when("crowded", "avg(connections) > 400", 5s).add = Amount{2, false};
  when("quiet", "avg(connections) > 300", 10s).add = Amount{1, false};
  RuleSet rules(spec);
  connections_each(450);
  for (int i = 0; i < 5; ++i) feed(rules);
  const auto at_five = feed(rules);
  EXPECT_EQ(at_five[0].want, 5);
  EXPECT_FALSE(at_five[1].want);
  for (int i = 0; i < 4; ++i) feed(rules);
  EXPECT_EQ(feed(rules)[1].want, 4);
}

// Rules and arbiter; the fleet follows at once.
class EveningTest : public RulesTest {
 protected:
  Want after(Duration time, RuleSet& rules) {
    Want want;
    for (const Instant end = now + time; now < end;) {
      const auto proposals = feed(rules);
      want = arbiter.decide(
          proposals,
          {.spec = spec, .by_hand = {}, .size = serving, .serving = serving, .now = now});
      serving = want.instances;
    }
    return want;
  }
  Arbiter arbiter;
};

TEST_F(EveningTest, headroom_says_four_and_remove_says_three_so_there_are_four) {
  headroom({100, false});
  when("quiet", "avg(connections) < 450", 10s).remove = Amount{1, false};
  RuleSet rules(spec);
  serving = 4;
  connections_each(430);
  const Want want = after(30min, rules);
  EXPECT_EQ(want.instances, 4);
  EXPECT_EQ(want.winner, "headroom");
}

TEST_F(EveningTest, a_crowd_adds_silence_keeps_and_quiet_removes_one_each_settle) {
  when("crowded", "avg(connections) > 400", 10s).add = Amount{2, false};
  when("quiet", "avg(connections) < 100", 5min).remove = Amount{1, false};
  RuleSet rules(spec);
  connections_each(431);
  EXPECT_EQ(after(11s, rules).instances, 5);
  connections_each(250);
  EXPECT_EQ(after(1h, rules), (Want{5, "unchanged", "no rule has an opinion: 5 stay", ""}));
  connections_each(60);
  EXPECT_EQ(after(5min + 1s, rules).limited_by, "settle 10m: 5 were wanted just now");
  EXPECT_EQ(after(10min - 1s, rules).instances, 5);
  EXPECT_EQ(after(1s, rules).instances, 4);
  connections_each(150);
  EXPECT_EQ(after(1h, rules).instances, 4);
}

TEST_F(EveningTest, a_broken_count_endpoint_neither_grows_nor_shrinks_the_cluster) {
  headroom({30, true});
  RuleSet rules(spec);
  serving = 5;
  connections_each(320);
  EXPECT_EQ(after(20min, rules).instances, 5);
  const Sample blind{.at = now + 1s, .serving = 5, .capacity = 500, .lost = 5, .numbers = {{}}};
  const auto proposals = rules.feed(blind);
  EXPECT_EQ(arbiter
                .decide(proposals,
                        {.spec = spec, .by_hand = {}, .size = 5, .serving = 5, .now = now + 1s})
                .instances,
            5);
}

}  // namespace
}  // namespace utakata
