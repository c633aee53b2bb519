#include "fleet/stack/expression.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace utakata {
namespace {

std::string tree_of(std::string_view text) {
  std::vector<std::string> metrics = {"connections"};
  const auto parsed = parse_expression(text, metrics);
  return parsed ? to_text(*parsed, metrics) : "MISTAKE " + parsed.error().what;
}

TEST(Expression, reads_what_users_write) {
  const std::pair<const char*, const char*> cases[] = {
      {"avg(connections) > 400", "avg(connections) > 400"},
      {" avg( connections )>400 ", "avg(connections) > 400"},
      {"(((avg(connections) > 400)))", "avg(connections) > 400"},
      {"AVG(connections) > 400 AND Count() < 3",
       "avg(connections) > 400 and count(connections) < 3"},
      {"count() < 3", "count(connections) < 3"},
      {"p95(event_loop.lag_ms) >= 12.50", "p95(event_loop.lag_ms) >= 12.5"},
      {"max(http:errors) != .5", "max(http:errors) != 0.5"},
      {"min(p95) == 1e3", "min(p95) == 1000"},
      {"sum(a) > 1 && sum(b) > 2 || !(sum(c) > 3)", "sum(a) > 1 and sum(b) > 2 or not sum(c) > 3"},
      {"sum(a) > 1 and (sum(b) > 2 or sum(c) > 3)", "sum(a) > 1 and (sum(b) > 2 or sum(c) > 3)"},
      {"(sum(a) > 1 and sum(b) > 2) or sum(c) > 3", "sum(a) > 1 and sum(b) > 2 or sum(c) > 3"},
      {"sum(a) > 1 or (sum(b) > 2 or sum(c) > 3)", "sum(a) > 1 or (sum(b) > 2 or sum(c) > 3)"},
      {"not not sum(a) > 1", "not not sum(a) > 1"},
      {"not (sum(a) > 1 and sum(b) > 1)", "not (sum(a) > 1 and sum(b) > 1)"},
      {"sum(a) - sum(b) - 1 < 2", "sum(a) - sum(b) - 1 < 2"},
      {"sum(a) - (sum(b) - 1) < 2", "sum(a) - (sum(b) - 1) < 2"},
      {"sum(a) + (2 * 3) > 4", "sum(a) + 2 * 3 > 4"},
      {"(sum(a) + 2) * 3 > 4", "(sum(a) + 2) * 3 > 4"},
      {"8 / (4 / 2) > sum(a) / count()", "8 / (4 / 2) > sum(a) / count(connections)"},
      {"-sum(a) < --5", "-sum(a) < --5"},
      {"-(sum(a) + 1) < 5", "-(sum(a) + 1) < 5"},
      {"sum(a) --1 > 0", "sum(a) - -1 > 0"},
      {"CEIL( sum(a) / 3 ) * 2 > floor(-2.5)", "ceil(sum(a) / 3) * 2 > floor(-2.5)"},
  };
  for (const auto& [text, tree] : cases) EXPECT_EQ(tree_of(text), tree) << text;
}

TEST(Expression, what_may_be_zero_may_be_divided_by) {
  for (const char* text : {"sum(a) / count() > 1", "1 / (count(a) - count(a)) > 1", "0 / 1 > 1",
                           "1 / ceil(0.1) > 1", "1 / (0 * avg(a)) > 1", "1 / (2 - 1.5) > 1"}) {
    std::vector<std::string> metrics;
    EXPECT_TRUE(parse_expression(text, metrics)) << text;
  }
}

TEST(Expression, a_number_where_a_number_is_asked_for) {
  std::vector<std::string> metrics;
  EXPECT_TRUE(parse_expression("ceil(sum(connections) / 400)", metrics, ExpressionType::number));
  EXPECT_FALSE(parse_expression("ceil(sum(connections) / 400)", metrics));
  EXPECT_FALSE(parse_expression("sum(connections) > 400", metrics, ExpressionType::number));
  for (const char* wrong : {"ceil sum(a)", "ceil(sum(a) > 1)", "ceil()", "ceil(1", ""})
    EXPECT_FALSE(parse_expression(wrong, metrics, ExpressionType::number)) << wrong;
}

TEST(Expression, the_flat_tree_has_children_before_parents_and_the_root_last) {
  std::vector<std::string> metrics = {"connections"};
  const auto parsed = parse_expression("p95(lag) > 2 * avg(connections)", metrics);
  ASSERT_TRUE(parsed);
  using Node = Expression::Node;
  const std::vector<Node> nodes = {
      {.op = Expression::Op::aggregate,
       .aggregate = Expression::Aggregate::percentile,
       .percent = 95,
       .metric = 1},
      {.op = Expression::Op::number, .number = 2},
      {.op = Expression::Op::aggregate, .aggregate = Expression::Aggregate::avg, .metric = 0},
      {.op = Expression::Op::multiply, .left = 1, .right = 2},
      {.op = Expression::Op::greater, .left = 0, .right = 3}};
  EXPECT_EQ(parsed->nodes, nodes);
  EXPECT_EQ(parsed->text, "p95(lag) > 2 * avg(connections)");
}

TEST(Expression, two_rules_share_the_clusters_numbers) {
  std::vector<std::string> metrics;
  ASSERT_TRUE(parse_expression("avg(lag) > 1 and avg(lag) < max(memory)", metrics));
  EXPECT_EQ(metrics, (std::vector<std::string>{"connections", "lag", "memory"}));
  const auto second = parse_expression("sum(memory) > 1", metrics);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->nodes[0].metric, 2);
  EXPECT_FALSE(parse_expression("sum(rooms) > 1 and", metrics));
  EXPECT_EQ(metrics.size(), 3U) << "a mistake adds no number";
}

TEST(Expression, mistakes_are_marked_where_they_are_with_the_remedy) {
  struct Case {
    const char *text, *caret, *says;
  };
  const Case cases[] = {
      {"", "^", "a condition is missing"},
      {"   ", "   ^", "a condition is missing"},
      {"connections > 400", "^", "say avg(connections), sum(connections)"},
      {"avg(connections)", "^", "this is a number, and a condition needs a truth"},
      {"avg(connections) >", "                  ^", "ends too early"},
      {"avg(connections) > 400 400", "                       ^", "`400` is not expected here"},
      {"100 < avg(a) < 400", "             ^", "comparisons do not chain"},
      {"avg(a) = 4", "       ^", "write =="},
      {"avg(a) => 4", "       ^", "write >="},
      {"avg(a) > 4 & avg(b) > 4", "           ^", "write and"},
      {"avg(a) > 30%", "           ^", "write 0.3"},
      {"avg(a) > 10s", "           ^", "without a unit: write 10"},
      {"avg(a) > 1,240", "          ^", "write 1240"},
      {"avg(a) > 1e999", "         ^", "too large"},
      {"avg(a and b) > 1", "      ^", "a `)` is missing here"},
      {"avg(and) > 1", "    ^", "needs the name of a number"},
      {"avg() > 1", "    ^", "avg(connections)"},
      {"avg(event-loop) > 1", "         ^", "letters, digits"},
      {"avg(a.) > 1", "    ^", "ends in a dot"},
      {"agv(a) > 1", "^", "do you mean avg?"},
      {"median(a) > 1", "^", "p1 to p99"},
      {"p100(a) > 1", "^", "p1 to p99"},
      {"p0(a) > 1", "^", "p1 to p99"},
      {"(avg(a) > 1", "           ^", "a `)` is missing"},
      {"avg(a) > 1)", "          ^", "has no `(`"},
      {"avg(a) and avg(b) > 1", "^", "`and` needs a truth"},
      {"avg(a) > 1 || avg(b)", "              ^", "`||` needs a truth"},
      {"not avg(a)", "    ^", "`not` needs a truth"},
      {"(avg(a) > 1) + 2 > 3", "^", "`+` needs a number"},
      {"2 + (avg(a) > 1) > 3", "    ^", "`+` needs a number"},
      {"-(avg(a) > 1)", " ^", "`-` needs a number"},
      {"(avg(a) > 1) == (avg(b) > 1)", "^", "`==` needs a number"},
      {"1 > not avg(a) > 1", "    ^", "stands before a whole comparison"},
      {"* 3 > 1", "^", "is expected before `*`"},
      {"avg(\xc3\xa9) > 1", "    ^", "plain letters"},
      {"\xc3\xa9 > 1", "^", "plain letters"},
      {"avg(a) / 0 > 1", "         ^", "always 0"},
      {"count(a) / (2 - 2) > 1", "           ^", "always 0"},
      {"1 < 6 / -floor(2 / 3) + 1", "        ^", "always 0"},
      {"avg(a) > 0 / 0", "             ^", "always 0"},
      {"avg(a) >\n\t x", "           ^", "say avg(x)"},
  };
  for (const auto& [text, caret, says] : cases) {
    std::vector<std::string> metrics;
    const auto parsed = parse_expression(text, metrics);
    ASSERT_FALSE(parsed) << text;
    const std::string shown = parsed.error().caret_text;
    EXPECT_EQ(shown.substr(shown.find('\n') + 1), caret) << text << "\n" << shown;
    EXPECT_NE(parsed.error().what.find(says), std::string::npos)
        << text << ": " << parsed.error().what;
  }
}

TEST(Expression, the_caret_counts_letters_not_bytes_and_long_texts_are_cut_around_it) {
  std::vector<std::string> metrics;
  const auto accents = parse_expression("avg(a) > 1 and avg(a) > \xc3\xa9", metrics);
  ASSERT_FALSE(accents);
  EXPECT_EQ(accents.error().caret_text,
            "avg(a) > 1 and avg(a) > \xc3\xa9\n                        ^");
  const auto far = parse_expression(std::string(100, ' ') + "?" + std::string(100, ' '), metrics);
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().at, 100U);
  EXPECT_EQ(far.error().caret_text, "..." + std::string(40, ' ') + "?" + std::string(39, ' ') +
                                        "...\n" + std::string(43, ' ') + "^");
}

TEST(Expression, hostile_texts_are_refused_in_a_sentence) {
  const auto repeat = [](std::string_view what, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += what;
    return text;
  };
  EXPECT_NE(tree_of(repeat(" ", 990) + "avg(a) > 1000").find("at most 1000 characters"),
            std::string::npos);
  EXPECT_NE(tree_of(repeat("(", 51) + "1").find("levels deep"), std::string::npos);
  EXPECT_NE(tree_of(repeat("!", 51) + "1").find("levels deep"), std::string::npos);
  EXPECT_NE(tree_of(repeat("-", 51) + "1").find("levels deep"), std::string::npos);
  EXPECT_NE(tree_of(repeat("1+", 101) + "1 > 0").find("at most 200 parts"), std::string::npos);
  EXPECT_EQ(tree_of(repeat("(", 50) + "sum(a) > 1" + repeat(")", 50)), "sum(a) > 1");
  EXPECT_EQ(tree_of(std::string_view("avg(a)\0> 1", 10)).find("MISTAKE"), 0U);
}

// Random texts of the language's own tokens: those that parse must print to a text of the same
// tree.
TEST(Expression, what_is_printed_reads_as_the_same_tree) {
  constexpr std::string_view tokens[] = {
      "1",  "2.5", "sum(a)", "p95(b.c)", "count()", "+", "-", "*", "/", "<",     ">=",    "==",
      "!=", "and", "or",     "not",      "(",       ")", "!", "(", ")", "ceil(", "floor("};
  Random random(7);
  int parsed_count = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    for (auto left = 3 + random.below(12); left > 0; --left)
      text.append(tokens[random.below(std::size(tokens))]).append(" ");
    std::vector<std::string> metrics;
    const auto tree = parse_expression(text, metrics);
    if (!tree) continue;
    ++parsed_count;
    const std::string printed = to_text(*tree, metrics);
    const auto again = parse_expression(printed, metrics);
    ASSERT_TRUE(again) << text << " -> " << printed << ": " << again.error().what;
    ASSERT_EQ(again->nodes, tree->nodes) << text << " -> " << printed;
  }
  EXPECT_GT(parsed_count, 50) << "the seed must give texts that parse";
}

}  // namespace
}  // namespace utakata
