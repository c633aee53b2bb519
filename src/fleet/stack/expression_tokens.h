// A `when:` text cut into tokens, one at a time. Only expression.cc uses it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fleet/model/rule.h"

namespace utakata {

struct ExpressionToken {
  enum class Kind { number, word, operation, minus, left, right, end, wrong };
  Kind kind = Kind::end;
  std::size_t at = 0;
  std::string_view text{};  // as written; empty at the end
  double number = 0;        // of number
  Expression::Op op{};      // of operation (never `negate`); of minus: `subtract`
  std::string mistake{};    // of wrong: what it is and the remedy
};

// The token that begins at or after `from`; blanks before it are skipped.
ExpressionToken next_expression_token(std::string_view text, std::size_t from);

}  // namespace utakata
