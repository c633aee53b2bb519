// Which scenario a user gets, where several share all users by weight: by its number, so that every
// worker knows without asking. Pure.
//
// In each block of as many users as the weights sum up to (divided by what they have in common)
// every scenario has exactly its weight, spread evenly; until any user none is two or more away
// from its share. Each block begins elsewhere in the pattern, by chance but always the same: with 2
// scenarios and 16 workers no worker must get just one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace utakata::load {

class Mix {
 public:
  static constexpr int weight_max = 1000;
  static constexpr std::size_t scenarios_max = 100;

  // 1 to scenarios_max of them, each 1 to weight_max. O(sum of weights x scenarios), once.
  explicit Mix(std::vector<int> weights);
  std::size_t of(std::int64_t number) const;  // an index into the weights; O(1)

 private:
  std::vector<std::uint16_t> pattern_;
};

}  // namespace utakata::load
