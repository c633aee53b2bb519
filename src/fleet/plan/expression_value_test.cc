#include "fleet/plan/expression_value.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fleet/stack/expression.h"

namespace utakata {
namespace {

const std::vector<std::string> metrics = {"connections", "lag", "nobody", "huge"};

Sample sample_of(std::vector<double> connections, std::vector<double> lag) {
  Sample sample;
  sample.numbers = {std::move(connections), std::move(lag), {}, {1e308, 1e308}};
  return sample;
}

std::string truth_of(std::string_view text, const Sample& sample) {
  std::vector<std::string> known = metrics;
  const auto parsed = parse_expression(text, known);
  if (!parsed) return parsed.error().what;
  const auto truth = value_of(*parsed, sample).truth;
  return !truth ? "unknown" : *truth ? "true" : "false";
}

TEST(ExpressionValue, says_what_a_user_would_compute_by_hand) {
  const Sample sample = sample_of({100, 300, 200, 400}, {5});
  const std::pair<const char*, const char*> cases[] = {
      {"count() == 4", "true"},
      {"sum(connections) == 1000", "true"},
      {"avg(connections) == 250", "true"},
      {"min(connections) == 100 and max(connections) == 400", "true"},
      {"p50(connections) == 200", "true"},
      {"p51(connections) == 300", "true"},
      {"p1(connections) == 100 and p99(connections) == 400", "true"},
      {"count(lag) == 1 and p50(lag) == 5", "true"},
      {"sum(connections) / count() == 10 * (20 + 5)", "true"},
      {"-avg(connections) == 2 - 252", "true"},
      {"avg(connections) > 250", "false"},
      {"avg(connections) >= 250 and avg(connections) <= 250", "true"},
      {"avg(connections) != 250 or avg(connections) < 250", "false"},
      {"not avg(connections) > 250", "true"},
  };
  for (const auto& [text, truth] : cases) EXPECT_EQ(truth_of(text, sample), truth) << text;
}

TEST(ExpressionValue, unknown_is_neither_true_nor_false_nor_zero) {
  const Sample sample = sample_of({100}, {5});
  const std::pair<const char*, const char*> cases[] = {
      {"avg(nobody) < 10", "unknown"},
      {"sum(nobody) == 0", "unknown"},
      {"max(nobody) != max(nobody)", "unknown"},
      {"p95(nobody) + 1 > 0", "unknown"},
      {"-min(nobody) > 0", "unknown"},
      {"not avg(nobody) < 10", "unknown"},
      {"count(nobody) == 0", "true"},
      {"avg(nobody) < 10 and 1 > 2", "false"},
      {"1 > 2 and avg(nobody) < 10", "false"},
      {"avg(nobody) < 10 and 1 < 2", "unknown"},
      {"avg(nobody) < 10 or 1 < 2", "true"},
      {"1 > 2 or avg(nobody) < 10", "unknown"},
      {"1 / (count() - count()) > 0", "unknown"},
      {"1 / count(nobody) > 0", "unknown"},
      {"0 / count(nobody) == 0", "unknown"},
      {"-1 / count(nobody) < 0", "unknown"},
      {"sum(huge) > 0", "unknown"},
      {"max(huge) * 10 > 0", "unknown"},
  };
  for (const auto& [text, truth] : cases) EXPECT_EQ(truth_of(text, sample), truth) << text;
}

TEST(ExpressionValue, its_numbers_are_shown_once_each) {
  std::vector<std::string> known = metrics;
  const auto parsed = parse_expression(
      "avg(connections) > 150 and avg(connections) < 1e6 or p95(lag) > 2.5 or max(nobody) > 1",
      known);
  ASSERT_TRUE(parsed);
  const auto value = value_of(*parsed, sample_of({100, 1100.5, 2300}, {0.125}));
  EXPECT_EQ(numbers_in(*parsed, value, metrics),
            "avg(connections) 1,166.833, p95(lag) 0.125, max(nobody) unknown");
}

RC_GTEST_PROP(ExpressionValue, a_percentile_is_the_nearest_rank_of_the_sorted_numbers,
              (std::vector<int> drawn)) {
  RC_PRE(!drawn.empty());
  const int percent = *rc::gen::inRange(1, 100);
  std::vector<double> numbers(drawn.begin(), drawn.end());
  const Expression expression{"",
                              {{.op = Expression::Op::aggregate,
                                .aggregate = Expression::Aggregate::percentile,
                                .percent = std::uint8_t(percent)}}};
  const double value = value_of(expression, sample_of(numbers, {})).of_node[0];
  const auto within = std::ranges::count_if(numbers, [&](double n) { return n <= value; });
  const auto below = std::ranges::count_if(numbers, [&](double n) { return n < value; });
  const auto share = std::ptrdiff_t(numbers.size()) * percent;
  RC_ASSERT(within * 100 >= share);
  RC_ASSERT(below * 100 < share);
}

}  // namespace
}  // namespace utakata
