#include "fleet/plan/window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace utakata {
namespace {

RC_GTEST_PROP(WindowMax, is_the_largest_of_all_that_was_in_force_within_the_time, ()) {
  const Duration length = *rc::gen::inRange(0, 20) * 1s;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 6), rc::gen::inRange(0, 9)));
  WindowMax window;
  std::vector<WindowMax::Entry> all;  // each with the time it was last in force
  Instant now{};
  for (const auto& [pause, value] : steps) {
    now += pause * 1s;
    if (!all.empty()) all.back().until = now;
    all.push_back({value, now});
    window.put(now, value, length);
    WindowMax::Entry most{value, now};
    for (const auto& entry : all)
      if (now - entry.until < length && entry.value > most.value) most = entry;
    for (const auto& entry : all)
      if (entry.value == most.value) most.until = std::max(most.until, entry.until);
    RC_ASSERT(window.max() == most);
  }
}

TEST(WindowMax, a_value_lasts_until_the_next_so_a_long_pause_does_not_forget_it) {
  WindowMax window;
  EXPECT_FALSE(window.max());
  window.put(Instant{0s}, 6, 10min);
  window.put(Instant{30min}, 2, 10min);
  EXPECT_EQ(window.max(), (WindowMax::Entry{6, Instant{30min}}));
  window.put(Instant{40min}, 2, 10min);
  EXPECT_EQ(window.max()->value, 2);
}

TEST(WindowMax, without_a_length_only_the_newest_counts) {
  WindowMax window;
  window.put(Instant{0s}, 6, 0s);
  window.put(Instant{1s}, 2, 0s);
  EXPECT_EQ(window.max()->value, 2);
}

}  // namespace
}  // namespace utakata
