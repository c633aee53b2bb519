#include "fleet/stack/advice.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fleet/stack/stack_file.h"

namespace utakata {
namespace {

std::size_t advice_of(const std::string& rule) {
  const std::string text = fmt::format(
      "stack: a\nclusters:\n  game:\n    run: x\n    count: {{ http: /stats, field: n }}\n"
      "    instances: {{ min: 1, max: 9 }}\n    scale:\n    - {}\n",
      rule);
  const auto stack = parse_stack({.text = text, .folder = "/", .parameters = {}});
  EXPECT_TRUE(stack) << to_text(stack.error(), "stack.yaml");
  return stack ? advice_on(*stack).size() : 0;
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

}  // namespace
}  // namespace utakata
