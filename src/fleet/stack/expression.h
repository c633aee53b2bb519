// The text of a `when:` or a `to:` into the tree that rules evaluate, and back.
//
//   truth   = truth ("or" truth | "and" truth) | "not" truth | compare | "(" truth ")"
//   compare = number ("<" | "<=" | ">" | ">=" | "==" | "!=") number        one at a time: no 1 < x
//   < 2 number  = number ("+" | "-" | "*" | "/") number | "-" number | "(" number ")" | 12 | 0.5 |
//   1e6 | aggregate aggregate = ("count" | "sum" | "avg" | "min" | "max" | "p1".."p99") "(" metric
//   ")" | "count" "(" ")"
//
// ceil(number) and floor(number) are numbers, too: whole ones, up and down.
//
// Strongest first: unary -, * /, + -, comparison, not, and, or; all from the left. So `not` takes
// the whole comparison behind it: `not a > b` is `not (a > b)`. `&&`, `||` and `!` mean and, or,
// not; case matters nowhere but in a metric's name, which is letters, digits, `_`, `:` and dots
// (`event_loop.lag_ms`). `count()` is `count(connections)`: serving instances whose number is
// known. A number where a truth is needed, or the other way round, is a mistake, and so is a
// division by what is 0 whatever instances tell, such as (2 - 2). Pure, any thread.
// Hostile text is refused in linear time: at most 1,000 bytes, 200 nodes, 50 levels.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/model/rule.h"

namespace utakata {

struct ExpressionMistake {
  std::size_t at = 0;  // byte of `text` where it is
  std::string
      what;  // a sentence with the remedy: "a metric needs an aggregate: say avg(connections)"
  std::string caret_text;  // two lines: the place, and a ^ under it
  bool operator==(const ExpressionMistake&) const = default;
};

// `metrics` become ClusterSpec::metrics: [0] is "connections" (put there when empty), and every
// name that is new is appended; nodes hold indices into it. On a mistake `metrics` is as it was.
enum class ExpressionType { truth, number };
std::expected<Expression, ExpressionMistake> parse_expression(
    std::string_view text, std::vector<std::string>& metrics,
    ExpressionType type = ExpressionType::truth);

// The nodes in words, with no more parentheses than needed: parsed again it is the same tree.
std::string to_text(const Expression& expression, std::span<const std::string> metrics);

}  // namespace utakata
