#include "fleet/plan/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "fleet/plan/demand.h"
#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

std::int64_t instances_for(double amount, double each) {
  return std::int64_t(std::ceil(std::clamp(amount / each, 0.0, 1e9) - 1e-9));
}

}  // namespace

Proposal propose_target(const std::string& name, const TargetRule& rule, const Sample& sample,
                        std::span<const std::string> metrics) {
  check(rule.each > 0 && rule.metric < sample.numbers.size(),
        "the stack file refuses a target of 0");
  if (rule.metric == 0) {
    if (is_untold(sample)) return untold(name, sample);
    const Demand demand = demand_of(sample);
    const std::int64_t need = instances_for(double(demand.seats), rule.each);
    return sized(name, need, sample.untold, sample,
                 fmt::format("{}{} need {} of {}", demand.words, demand.lost, grouped(need),
                             plain(rule.each)));
  }
  const std::vector<double>& numbers = sample.numbers[rule.metric];
  const std::string& metric = metrics[rule.metric];
  if (numbers.empty() && sample.serving > 0)
    return {name, std::nullopt,
            fmt::format("none of {} serving tells its {}", grouped(sample.serving), metric)};
  const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  const std::int64_t need = instances_for(sum, rule.each);
  return sized(name, need, std::max(0, sample.serving - int(numbers.size())), sample,
               fmt::format("{} {} in all need {} of {}", plain(sum), metric, grouped(need),
                           plain(rule.each)));
}

}  // namespace utakata
