#include "fleet/plan/function.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/plan/rules_words.h"

namespace utakata {

Proposal propose_function(const std::string& name, const FunctionRule& rule, const Sample& sample) {
  const FunctionAnswer* answer = nullptr;
  for (const FunctionAnswer& one : *sample.answers)
    if (one.function == rule.function) answer = &one;
  if (!answer) return {name, std::nullopt, rule.function + " has not answered yet"};
  const std::string age = to_text(std::chrono::floor<std::chrono::seconds>(answer->age));
  if (answer->age > rule.stale || !std::isfinite(answer->want))
    return {name, std::nullopt,
            fmt::format("{} said {} {} ago: stale after {}", rule.function, plain(answer->want),
                        age, to_text(rule.stale))};
  const double want = std::ceil(std::clamp(answer->want, 0.0, 1e9) - 1e-9);
  return {name, int(want),
          fmt::format("{} said {} {} ago{}{}", rule.function, plain(answer->want), age,
                      answer->because.empty() ? "" : ": ", answer->because)};
}

}  // namespace utakata
