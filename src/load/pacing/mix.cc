#include "load/pacing/mix.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace utakata::load {

// The scenario that lacks most of its share is next.
Mix::Mix(std::vector<int> weights) {
  check(!weights.empty() && weights.size() <= scenarios_max, "there is something to mix");
  for (const int weight : weights)
    check(weight >= 1 && weight <= weight_max, "a weight is within its bounds");
  const int common = std::accumulate(weights.begin(), weights.end(), 0, std::gcd<int, int>);
  for (int& weight : weights) weight /= common;
  const std::int64_t sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  std::vector<std::int64_t> lacking(weights.size());  // times sum
  for (std::int64_t k = 0; k < sum; ++k) {
    for (std::size_t i = 0; i < weights.size(); ++i) lacking[i] += weights[i];
    const auto most = std::ranges::max_element(lacking);
    *most -= sum;
    pattern_.push_back(std::uint16_t(most - lacking.begin()));
  }
}

std::size_t Mix::of(std::int64_t number) const {
  const auto at = std::uint64_t(number), size = std::uint64_t(pattern_.size());
  return pattern_[(at + Random(at / size).below(size)) % size];
}

}  // namespace utakata::load
