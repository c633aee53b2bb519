#include "fleet/plan/expression_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

using Op = Expression::Op;
using Aggregate = Expression::Aggregate;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double percentile(std::vector<double> numbers, int percent) {  // a copy: it is put in disorder
  const std::size_t rank =
      (numbers.size() * std::size_t(percent) + 99) / 100;  // nearest rank: ceil(p * n)
  const auto at = numbers.begin() + std::ptrdiff_t(rank - 1);
  std::ranges::nth_element(numbers, at);
  return *at;
}

double aggregate(const Expression::Node& node, const Sample& sample) {
  check(node.metric < sample.numbers.size(), "rules and sample know the same metrics");
  const std::vector<double>& numbers = sample.numbers[node.metric];
  if (node.aggregate == Aggregate::count) return double(numbers.size());
  if (numbers.empty()) return unknown;
  switch (node.aggregate) {
    case Aggregate::count:
      break;
    case Aggregate::sum:
      return std::accumulate(numbers.begin(), numbers.end(), 0.0);
    case Aggregate::avg:
      return std::accumulate(numbers.begin(), numbers.end(), 0.0) / double(numbers.size());
    case Aggregate::min:
      return std::ranges::min(numbers);
    case Aggregate::max:
      return std::ranges::max(numbers);
    case Aggregate::percentile:
      return percentile(numbers, node.percent);
  }
  return unknown;
}

double both(double left, double right) {
  if (left == 0 || right == 0) return 0;
  return std::isnan(left) || std::isnan(right) ? unknown : 1;
}
double opposite(double truth) { return std::isnan(truth) ? unknown : 1 - truth; }

double combine(Op op, double left, double right) {
  switch (op) {
    case Op::logical_and:
      return both(left, right);
    case Op::logical_or:
      return opposite(both(opposite(left), opposite(right)));
    case Op::logical_not:
      return opposite(left);
    case Op::negate:
      return -left;
    default:
      break;  // the others need both
  }
  if (std::isnan(left)) return unknown;
  // The small number forgives rounding: 0.1 x 30 is 3, and not 4.
  if (op == Op::ceil) return std::ceil(left - 1e-9);
  if (op == Op::floor) return std::floor(left + 1e-9);
  if (std::isnan(right)) return unknown;
  switch (op) {
    case Op::add:
      return left + right;
    case Op::subtract:
      return left - right;
    case Op::multiply:
      return left * right;
    case Op::divide:
      return right == 0 ? unknown : left / right;
    case Op::less:
      return left < right;
    case Op::less_equal:
      return left <= right;
    case Op::greater:
      return left > right;
    case Op::greater_equal:
      return left >= right;
    case Op::equal:
      return left == right;
    case Op::not_equal:
      return left != right;
    default:
      return unknown;
  }
}

}  // namespace

ExpressionValue value_of(const Expression& expression, const Sample& sample) {
  check(!expression.nodes.empty(), "a parsed expression has a root");
  ExpressionValue value;
  value.of_node.reserve(expression.nodes.size());
  for (const Expression::Node& node : expression.nodes) {
    const std::size_t own = value.of_node.size();
    double result = node.number;
    if (node.op == Op::aggregate) {
      result = aggregate(node, sample);
    } else if (node.op != Op::number) {
      check(node.left < own && node.right < own, "children stand before their parents");
      result = combine(node.op, value.of_node[node.left], value.of_node[node.right]);
    }
    value.of_node.push_back(std::isfinite(result) ? result
                                                  : unknown);  // an overflow proves nothing
  }
  const double root = value.of_node.back();
  if (!std::isnan(root)) value.truth = root != 0;
  return value;
}

std::string numbers_in(const Expression& expression, const ExpressionValue& value,
                       std::span<const std::string> metrics) {
  std::string text;
  for (std::size_t i = 0; i < expression.nodes.size(); ++i) {
    const Expression::Node& node = expression.nodes[i];
    if (node.op != Op::aggregate) continue;
    const auto first = std::ranges::find(expression.nodes, node);
    if (std::size_t(first - expression.nodes.begin()) < i) continue;
    constexpr const char* names[] = {"count", "sum", "avg", "min", "max"};
    const std::string name = node.aggregate == Aggregate::percentile
                                 ? fmt::format("p{}", node.percent)
                                 : names[std::size_t(node.aggregate)];
    text += fmt::format("{}{}({}) {}", text.empty() ? "" : ", ", name,
                        node.metric < metrics.size() ? metrics[node.metric] : "?",
                        plain(value.of_node[i]));
  }
  return text;
}

}  // namespace utakata
