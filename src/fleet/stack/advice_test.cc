#include "fleet/stack/advice.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fleet/stack/stack_file.h"

namespace utakata {
namespace {

constexpr WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22};

std::vector<std::string> said_of(const std::string& rule, const std::string& field = "n") {
  const std::string text = fmt::format(
      "stack: a\nclusters:\n  game:\n    run: x\n    count: {{ http: /stats, field: {} }}\n"
      "    instances: {{ min: 1, max: 9 }}\n    scale:\n    - {}\n",
      field, rule);
  const auto stack = parse_stack({.text = text, .folder = "/", .parameters = {}});
  EXPECT_TRUE(stack) << to_text(stack.error(), "stack.yaml");
  return stack ? advice_on(*stack, kNow) : std::vector<std::string>{};
}

std::size_t advice_of(const std::string& rule) { return said_of(rule).size(); }

// The one sentence that is said has this in it; empty: nothing is said.
void expect_said(const std::string& part, const std::vector<std::string>& said) {
  ASSERT_EQ(said.size(), part.empty() ? 0u : 1u) << part << said.size();
  if (part.empty()) return;
  EXPECT_NE(said[0].find(part), std::string::npos) << said[0];
}

TEST(Advice, rules_that_wind_up) {
  EXPECT_EQ(advice_of("{ when: max(connections) > 400, add: 1 }"), 1u);
  EXPECT_EQ(advice_of("{ when: sum(connections) > 4000, add: 10% }"), 1u);
  EXPECT_EQ(advice_of("{ when: avg(connections) > 400, add: 1 }"), 0u);
  EXPECT_EQ(advice_of("{ when: sum(connections) / count() > 400, add: 1 }"), 0u);
  EXPECT_EQ(advice_of("{ when: max(connections) < 400, remove: 1 }"), 0u);
  EXPECT_EQ(advice_of("{ when: max(lag) > 400, add: 1 }"), 0u) << "of others we cannot know";
  EXPECT_EQ(advice_of("{ when: count() < 2, to: ceil(sum(connections) / 400) }"), 0u);
}

TEST(Advice, numbers_that_are_hardly_meant) {
  const auto when = [](const std::string& number) {
    return fmt::format("{{ when: \"{} > 4\", to: 3 }}", number);
  };
  const std::string of_count = "Did you mean `count()` for how many serve, or `avg(connections)`?";
  expect_said(
      "game: `conections` is a number that every instance must tell under this very name. "
      "Did you mean `connections`?",
      said_of(when("avg(conections)")));
  expect_said("`Connections` is a number", said_of(when("avg(Connections)")));
  expect_said("Did you mean `players.online`?",
              said_of(when("avg(player.online)"), "players.online"));
  expect_said(of_count, said_of(when("avg(count)")));
  expect_said("Did you mean `max(connections)`?", said_of(when("avg(max)")));
  expect_said("Did you mean `connections`?", said_of("{ target: 50, of: connection }"));
  expect_said("", said_of(when("avg(connections)")));
  expect_said("", said_of(when("avg(players.online)"), "players.online"));
  expect_said("", said_of(when("avg(count)"), "count"));
  expect_said("", said_of(when("p95(lag)")));
  expect_said("", said_of(when("avg(m)")));
}

TEST(Advice, times_that_are_over_or_have_no_end) {
  const auto at = [](const std::string& times) { return fmt::format("{{ {}, min: 3 }}", times); };
  expect_said("game: the rule `at` is over: `2026-11-20 20:00` does not come again. Remove it",
              said_of(at("at: 2026-11-20 20:00, for: 3h")));
  expect_said("is over", said_of(at("at: 2026-11-20 20:00, until: \"23:00\"")));
  expect_said("does not end: `until` `2026-11-20 20:00` is over",
              said_of(at("at: \"Sat 18:30\", until: 2026-11-20 20:00")));
  expect_said("", said_of(at("at: 2026-11-21 23:00, for: 3h")));  // it runs
  expect_said("", said_of(at("at: 2026-12-31 20:00, for: 3h")));
  expect_said("", said_of(at("at: \"Sat 18:30\", until: \"Sat 21:30\"")));
}

TEST(Advice, of_shows_that_are_over_or_too_large) {
  const auto stack = parse_stack({.text = R"(stack: a
clusters: { lobby: { run: x, capacity: 500, instances: { min: 2, max: 20 } } }
shows:
  old: { at: "2020-12-31 20:00", for: 3h, clusters: { lobby: { connections: 9 } } }
  far: { at: "Sat 20:00", for: 2h, clusters: { lobby: { connections: 300000 } } }
)",
                                  .folder = "/",
                                  .parameters = {}});
  ASSERT_TRUE(stack);
  const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
  EXPECT_EQ(advice_on(*stack, now),
            (std::vector<std::string>{
                "lobby: the show `old` is over: `2020-12-31 20:00` does not come again. Remove it, "
                "or correct the date.",
                "lobby: the show `far` expects 300000 people, and 10000 fit at most, 500 on each "
                "of 20: raise `instances.max` or `capacity`."}));
}

TEST(Advice, of_fewer_ports_than_may_be_in_use_at_once) {
  const auto said = [](const std::string& ports) {
    const auto stack = parse_stack(
        {.text = "stack: a\napi: { listen: 127.0.0.1:1, ports: " + ports +
                 " }\nclusters: { etcd: { run: x, count: { sockets: true }, instances: 1 } }\n",
         .folder = "/",
         .parameters = {}});
    return stack ? advice_on(*stack, WallTime{}) : std::vector<std::string>{"a mistake"};
  };
  EXPECT_EQ(said("2379-2380"), std::vector<std::string>{});
  EXPECT_EQ(said("2379-2379"),
            (std::vector<std::string>{
                "`api.ports` has 1, and with those that drain or are replaced 2 may be needed: a "
                "substitute is launched when the former one's port is free."}));
}

}  // namespace
}  // namespace utakata
