// The value of a rule's expression in one tick. Three-valued: unknown is neither true nor false,
// and never zero. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fleet/model/rule.h"
#include "fleet/plan/sample.h"

namespace utakata {

// Unknown are: sum, avg, min, max and percentiles of a number that no instance told (count is 0
// then); a division by zero; and whatever is computed from them. `false and unknown` is false,
// `true or unknown` is true, all else with an unknown is unknown. O(nodes x instances).
struct ExpressionValue {
  double number() const { return of_node.back(); }  // of the root, where it is one
  std::optional<bool> truth;
  std::vector<double> of_node;  // parallel to Expression::nodes; truths are 1 and 0, unknown is NaN
};
ExpressionValue value_of(const Expression& expression, const Sample& sample);

// Its aggregates for people, each once: "avg(connections) 431.5, p95(lag) unknown".
std::string numbers_in(const Expression& expression, const ExpressionValue& value,
                       std::span<const std::string> metrics);

}  // namespace utakata
