#include "fleet/stack/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "fleet/stack/expression_tokens.h"

namespace utakata {
namespace {

using Op = Expression::Op;
using Kind = ExpressionToken::Kind;

constexpr std::size_t bytes_max = 1000, nodes_max = 200, metrics_max = 1000;
constexpr int depth_max = 50;

constexpr std::array<std::string_view, 6> aggregates = {"count", "sum", "avg", "min", "max", "p95"};

// How tightly an operation binds; a leaf most of all. Parser and printer must agree, so both ask
// here.
enum Strength { any, of_or, of_and, of_not, of_compare, of_sum, of_product, of_negate, of_leaf };

Strength strength(Op op) {
  switch (op) {
    case Op::number:
    case Op::aggregate:
    case Op::ceil:
    case Op::floor:
      return of_leaf;
    case Op::negate:
      return of_negate;
    case Op::multiply:
    case Op::divide:
      return of_product;
    case Op::add:
    case Op::subtract:
      return of_sum;
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
    case Op::equal:
    case Op::not_equal:
      return of_compare;
    case Op::logical_not:
      return of_not;
    case Op::logical_and:
      return of_and;
    case Op::logical_or:
      return of_or;
  }
  return any;
}

const char* sign(Op op) {
  switch (op) {
    case Op::number:
    case Op::aggregate:
      return "";
    case Op::ceil:
      return "ceil";
    case Op::floor:
      return "floor";
    case Op::negate:
    case Op::subtract:
      return "-";
    case Op::add:
      return "+";
    case Op::multiply:
      return "*";
    case Op::divide:
      return "/";
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::equal:
      return "==";
    case Op::not_equal:
      return "!=";
    case Op::logical_and:
      return "and";
    case Op::logical_or:
      return "or";
    case Op::logical_not:
      return "not";
  }
  return "?";
}

bool takes_truths(Op op) { return strength(op) <= of_not; }
bool gives_truth(Op op) { return strength(op) <= of_compare; }

// The place and a ^ under it. Long texts are cut to what is near, and control characters are
// blanks, so that the caret stands right wherever it is shown.
std::string caret_under(std::string_view text, std::size_t at) {
  constexpr std::size_t near = 40;
  const auto continues = [&](std::size_t i) { return i < text.size() && (text[i] & 0xC0) == 0x80; };
  std::size_t first = at > near ? at - near : 0, last = std::min(text.size(), at + near);
  while (first > 0 && continues(first)) --first;
  while (continues(last)) ++last;
  std::string line = first > 0 ? "..." : "";
  std::string caret(line.size(), ' ');
  for (std::size_t i = first; i < last; ++i) {
    const bool is_control = static_cast<unsigned char>(text[i]) < ' ' || text[i] == 0x7f;
    line += is_control ? ' ' : text[i];
    if (i < at && !continues(i)) caret += ' ';
  }
  if (last < text.size()) line += "...";
  return line + "\n" + caret + "^";
}

class ExpressionParser {  // one use: parse() once
 public:
  ExpressionParser(std::string_view text, std::vector<std::string> metrics)
      : text_(text), metrics_(std::move(metrics)) {
    if (metrics_.empty()) metrics_.emplace_back("connections");
    advance();
  }

  bool parse(ExpressionType type) {
    if (text_.size() > bytes_max)
      return fail(
          bytes_max,
          fmt::format("a condition has at most {} characters: split it into two rules", bytes_max));
    if (token_.kind == Kind::end)
      return fail(token_.at,
                  type == ExpressionType::truth
                      ? "a condition is missing: say for example avg(connections) > 400"
                      : "a number is missing: say for example ceil(sum(connections) / 400)");
    const auto root = parse_from(of_or);
    if (!root) return false;
    if (token_.kind != Kind::end) return fail_leftover();
    if (type == ExpressionType::number && root->truth)
      return fail(root->at,
                  "this is a truth, and a number of instances is needed, as in "
                  "ceil(sum(connections) / 400)");
    if (type == ExpressionType::truth && !root->truth)
      return fail(root->at,
                  "this is a number, and a condition needs a truth: compare it, as in "
                  "avg(connections) > 400");
    return true;
  }

  std::vector<Expression::Node> nodes;
  ExpressionMistake mistake;
  std::vector<std::string> take_metrics() { return std::move(metrics_); }

 private:
  struct Part {  // a subtree: its root is the newest node when it is returned
    std::uint16_t node = 0;
    bool truth = false;
    std::size_t at = 0;
  };
  using Parsed = std::optional<Part>;

  bool fail(std::size_t at, std::string what) {
    at = std::min(at, text_.size());
    mistake = {at, std::move(what), caret_under(text_, at)};
    return false;
  }
  Parsed no(std::size_t at, std::string what) {
    fail(at, std::move(what));
    return std::nullopt;
  }
  bool fail_leftover() {
    if (token_.kind == Kind::wrong) return fail(token_.at, token_.mistake);
    if (token_.kind == Kind::right) return fail(token_.at, "this `)` has no `(`: leave it out");
    return fail(token_.at,
                fmt::format("`{}` is not expected here: join conditions by and, or", token_.text));
  }

  void advance() { token_ = next_expression_token(text_, token_.at + token_.text.size()); }
  bool at_operation(Strength which) const {
    return (token_.kind == Kind::operation || token_.kind == Kind::minus) &&
           strength(token_.op) == which;
  }

  Parsed push(Expression::Node node, std::size_t at) {
    if (nodes.size() == nodes_max)
      return no(
          at, fmt::format("a condition has at most {} parts: split it into two rules", nodes_max));
    constants_.push_back(constant_of(node));
    nodes.push_back(node);
    return Part{std::uint16_t(nodes.size() - 1), gives_truth(node.op), at};
  }

  // What a node always is; NaN: it depends on what instances tell, or is a truth.
  double constant_of(const Expression::Node& node) const {
    constexpr double open = std::numeric_limits<double>::quiet_NaN();
    if (node.op == Op::number) return node.number;
    if (node.op == Op::aggregate) return open;
    const double left = constants_[node.left], right = constants_[node.right];
    if (node.op == Op::negate) return -left;
    if (node.op == Op::ceil) return std::ceil(left - 1e-9);  // as plan/expression_value.cc has it
    if (node.op == Op::floor) return std::floor(left + 1e-9);
    if (node.op == Op::add) return left + right;
    if (node.op == Op::subtract) return left - right;
    if (node.op == Op::multiply) return left * right;
    if (node.op == Op::divide) return left / right;
    return open;
  }

  bool suits(const Part& operand, const ExpressionToken& operation) {
    if (operand.truth == takes_truths(operation.op)) return true;
    return fail(
        operand.at,
        operand.truth
            ? fmt::format("this is a truth, and `{}` needs a number, such as avg(connections)",
                          operation.text)
            : fmt::format(
                  "this is a number, and `{}` needs a truth, such as avg(connections) > 400",
                  operation.text));
  }

  // What binds at least as tightly as `level`.
  Parsed parse_from(Strength level) {
    if (level == of_not) return parse_not();
    if (level == of_negate) return parse_negate();
    Parsed left = parse_from(Strength(level + 1));
    while (left && at_operation(level)) {
      const ExpressionToken operation = token_;
      advance();
      const Parsed right = parse_from(Strength(level + 1));
      if (!right || !suits(*left, operation) || !suits(*right, operation)) return std::nullopt;
      if (operation.op == Op::divide && constants_[right->node] == 0)
        return no(right->at,
                  "this is always 0, and what is divided by it is never known: divide by another "
                  "number");
      left = push({.op = operation.op, .left = left->node, .right = right->node}, left->at);
      if (level == of_compare && left && at_operation(of_compare))
        return no(
            token_.at,
            "comparisons do not chain: write 100 < avg(connections) and avg(connections) < 400");
    }
    return left;
  }

  Parsed parse_not() {
    if (!at_operation(of_not)) return parse_from(of_compare);
    return parse_prefixed(Op::logical_not, &ExpressionParser::parse_not);
  }
  Parsed parse_negate() {
    if (token_.kind != Kind::minus) return parse_leaf();
    return parse_prefixed(Op::negate, &ExpressionParser::parse_negate);
  }
  Parsed parse_prefixed(Op op, Parsed (ExpressionParser::*parse_operand)()) {
    ExpressionToken operation = token_;
    operation.op = op;
    if (++depth_ > depth_max) return no(token_.at, too_deep());
    advance();
    const Parsed operand = (this->*parse_operand)();
    --depth_;
    if (!operand || !suits(*operand, operation)) return std::nullopt;
    return push({.op = op, .left = operand->node}, operation.at);
  }

  Parsed parse_leaf() {
    const ExpressionToken token = token_;
    if (token.kind == Kind::number) {
      advance();
      return push({.op = Op::number, .number = token.number}, token.at);
    }
    if (token.kind == Kind::left) return parse_parentheses();
    if (token.kind == Kind::word) return parse_word();
    if (token.kind == Kind::wrong) return no(token.at, token.mistake);
    if (token.kind == Kind::end)
      return no(token.at,
                "the condition ends too early: a number or an aggregate such as avg(connections) "
                "is missing");
    if (token.op == Op::logical_not && token.kind == Kind::operation)
      return no(token.at, "`" + std::string(token.text) +
                              "` stands before a whole comparison: put it in parentheses, "
                              "or further to the left");
    return no(
        token.at,
        fmt::format("a number or an aggregate such as avg(connections) is expected before `{}`",
                    token.text));
  }

  Parsed parse_parentheses() {
    const std::size_t at = token_.at;
    if (++depth_ > depth_max) return no(at, too_deep());
    advance();
    Parsed inner = parse_from(of_or);
    --depth_;
    if (!inner) return inner;
    if (token_.kind == Kind::wrong) return no(token_.at, token_.mistake);
    if (token_.kind != Kind::right)
      return no(token_.at, "a `)` is missing here, for the `(` before");
    advance();
    inner->at = at;
    return inner;
  }

  Parsed parse_word() {
    const ExpressionToken name = token_;
    advance();
    if (token_.kind != Kind::left)
      return no(
          name.at,
          fmt::format(
              "`{0}` is a number of each instance: say avg({0}), sum({0}), max({0}) or p95({0})",
              name.text));
    if (const auto function = function_of(name.text)) return parse_function(*function, name);
    Expression::Node node{.op = Op::aggregate};
    if (!read_aggregate(name, node)) return std::nullopt;
    advance();
    if (token_.kind == Kind::word) {
      if (!read_metric(node)) return std::nullopt;
      advance();
    } else if (token_.kind == Kind::wrong) {
      return no(token_.at, token_.mistake);
    } else if (node.aggregate != Expression::Aggregate::count || token_.kind != Kind::right) {
      return no(token_.at,
                fmt::format("`{0}` needs the name of a number: {0}(connections)", name.text));
    }
    if (token_.kind == Kind::wrong) return no(token_.at, token_.mistake);
    if (token_.kind != Kind::right)
      return no(token_.at,
                "a `)` is missing here: between the parentheses stands one name, of letters, "
                "digits, `_`, "
                "`:` and dots");
    advance();
    return push(node, name.at);
  }

  static std::string lower(std::string_view text) {
    std::string word(text);
    std::ranges::transform(word, word.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return word;
  }

  static std::optional<Op> function_of(std::string_view name) {
    if (lower(name) == "ceil") return Op::ceil;
    if (lower(name) == "floor") return Op::floor;
    return std::nullopt;
  }

  Parsed parse_function(Op op, ExpressionToken name) {
    name.op = op;
    const Parsed operand = parse_parentheses();
    if (!operand || !suits(*operand, name)) return std::nullopt;
    return push({.op = op, .left = operand->node}, name.at);
  }

  bool read_aggregate(const ExpressionToken& name, Expression::Node& node) {
    using Aggregate = Expression::Aggregate;
    const std::string word = lower(name.text);
    constexpr std::array<Aggregate, 5> kinds = {Aggregate::count, Aggregate::sum, Aggregate::avg,
                                                Aggregate::min, Aggregate::max};
    const auto known = std::ranges::find(aggregates, word);
    if (known - aggregates.begin() < std::ptrdiff_t(kinds.size())) {
      node.aggregate = kinds[std::size_t(known - aggregates.begin())];
      return true;
    }
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (word.size() > 1 && word[0] == 'p' && std::ranges::all_of(word.substr(1), is_digit)) {
      const int percent = word.size() <= 3 ? std::stoi(word.substr(1)) : 100;
      if (percent < 1 || percent > 99) return fail(name.at, "percentiles are p1 to p99");
      node.aggregate = Aggregate::percentile;
      node.percent = std::uint8_t(percent);
      return true;
    }
    const auto guess = nearest(word, aggregates);
    return fail(name.at, guess
                             ? fmt::format("`{}` is not known: do you mean {}?", name.text, *guess)
                             : fmt::format("`{}` is not known: there are count, sum, avg, min, "
                                           "max, p1 to p99, ceil and floor",
                                           name.text));
  }

  bool read_metric(Expression::Node& node) {
    auto known = std::ranges::find(metrics_, token_.text);
    if (known == metrics_.end() && metrics_.size() >= metrics_max)
      return fail(token_.at, fmt::format("a cluster's rules name at most {} numbers", metrics_max));
    if (known == metrics_.end()) known = metrics_.insert(known, std::string(token_.text));
    node.metric = std::uint16_t(known - metrics_.begin());
    return true;
  }

  static std::string too_deep() {
    return fmt::format("a condition is at most {} levels deep: take some parentheses away",
                       depth_max);
  }

  std::string_view text_;
  std::vector<std::string> metrics_;
  std::vector<double> constants_;  // parallel to `nodes`
  ExpressionToken token_;
  int depth_ = 0;
};

void print(const Expression& expression, std::size_t index, Strength at_least,
           std::span<const std::string> metrics, std::string& out) {
  const Expression::Node& node = expression.nodes[index];
  const Strength own = strength(node.op);
  if (own < at_least) out += '(';
  if (node.op == Op::number) {
    out += fmt::format("{}", node.number);
  } else if (node.op == Op::aggregate) {
    out += node.aggregate == Expression::Aggregate::percentile
               ? fmt::format("p{}", node.percent)
               : std::string(aggregates[std::size_t(node.aggregate)]);
    out += fmt::format("({})", node.metric < metrics.size() ? metrics[node.metric] : "?");
  } else if (node.op == Op::ceil || node.op == Op::floor) {
    out += fmt::format("{}(", sign(node.op));
    print(expression, node.left, any, metrics, out);
    out += ')';
  } else if (node.op == Op::negate || node.op == Op::logical_not) {
    out += node.op == Op::negate ? "-" : "not ";
    print(expression, node.left, own, metrics, out);
  } else {
    print(expression, node.left, own == of_compare ? of_sum : own, metrics, out);
    out += fmt::format(" {} ", sign(node.op));
    print(expression, node.right, Strength(own + 1), metrics, out);
  }
  if (own < at_least) out += ')';
}

}  // namespace

std::expected<Expression, ExpressionMistake> parse_expression(std::string_view text,
                                                              std::vector<std::string>& metrics,
                                                              ExpressionType type) {
  ExpressionParser parser(text, metrics);
  if (!parser.parse(type)) return std::unexpected(std::move(parser.mistake));
  metrics = parser.take_metrics();
  return Expression{std::string(text), std::move(parser.nodes)};
}

std::string to_text(const Expression& expression, std::span<const std::string> metrics) {
  std::string out;
  if (!expression.nodes.empty()) print(expression, expression.nodes.size() - 1, any, metrics, out);
  return out;
}

}  // namespace utakata
