#include "load/pacing/mix.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace utakata::load {
namespace {

TEST(Mix, eighty_to_twenty_is_four_of_each_five) {
  const Mix mix({80, 20});
  for (int block = 0; block < 100; ++block) {
    int first = 0;
    for (int k = 0; k < 5; ++k) first += mix.of(block * 5 + k) == 0;
    EXPECT_EQ(first, 4) << block;
  }
  EXPECT_EQ(Mix({7}).of(123), 0u);
}

TEST(Mix, is_exact_by_blocks_and_never_two_away_from_the_share) {
  EXPECT_TRUE(rc::check([] {
    std::vector<int> weights(*rc::gen::inRange<std::size_t>(1, 7));
    for (int& weight : weights) weight = *rc::gen::inRange(1, 40);
    const Mix mix(weights), again(weights);
    const int sum = std::accumulate(weights.begin(), weights.end(), 0);
    std::vector<int> given(weights.size());
    for (int k = 0; k < 5 * sum; ++k) {
      const std::size_t which = mix.of(k);
      RC_ASSERT(which == again.of(k));
      ++given[which];
      for (std::size_t i = 0; i < weights.size(); ++i) {
        RC_ASSERT(std::abs(given[i] * sum - weights[i] * (k + 1)) < 2 * sum);
        if ((k + 1) % sum == 0) RC_ASSERT(given[i] == weights[i] * ((k + 1) / sum));
      }
    }
  }));
}

TEST(Mix, every_worker_gets_something_of_everything) {
  const Mix mix({50, 50});
  for (const int workers : {2, 4, 16})
    for (int worker = 0; worker < workers; ++worker) {
      int first = 0;
      for (int nth = 0; nth < 1000; ++nth) first += mix.of(worker + nth * workers) == 0;
      EXPECT_GT(first, 400) << worker << " of " << workers;
      EXPECT_LT(first, 600) << worker << " of " << workers;
    }
}

}  // namespace
}  // namespace utakata::load
