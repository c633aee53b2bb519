#include "sim/timeline.h"

#include <gtest/gtest.h>

#include <string>

namespace utakata {
namespace {

TEST(Timeline, what_is_due_is_done_in_its_order_and_work_goes_first) {
  Timeline timeline(WallTime{});
  std::string done;
  timeline.on_event([&](const Timeline::Event& event) { done += char('0' + event.who); });
  timeline.after(2s, [&] { done += 'c'; });
  timeline.after(1s, [&] {
    done += 'a';
    timeline.after(0s, [&] { done += 'b'; });
  });
  timeline.event(Timeline::kBegin + 1s, 0, 1);
  timeline.event(Timeline::kBegin + 3s, 0, 2);
  timeline.run_until(Timeline::kBegin + 2s);
  EXPECT_EQ(done, "ab1c");
  EXPECT_EQ(timeline.since_begin(), 2s);
  timeline.run_until(Timeline::kBegin + 5s);
  EXPECT_EQ(done, "ab1c2");
  EXPECT_EQ(timeline.since_begin(), 5s);
}

TEST(Timeline, what_is_thrown_goes_through_and_the_rest_is_still_due) {
  Timeline timeline(WallTime{});
  bool is_done = false;
  timeline.after(1s, [] { throw 1; });
  timeline.after(1s, [&] { is_done = true; });
  EXPECT_THROW(timeline.run_until(Timeline::kBegin + 2s), int);
  EXPECT_EQ(timeline.since_begin(), 1s);
  timeline.run_until(Timeline::kBegin + 2s);
  EXPECT_TRUE(is_done);
}

TEST(Timeline, the_wall_clock_steps_alone) {
  Timeline timeline(WallTime{1h});
  timeline.run_until(Timeline::kBegin + 10s);
  timeline.step_wall(-24h);
  EXPECT_EQ(timeline.wall(), WallTime{1h + 10s - 24h});
  EXPECT_EQ(timeline.since_begin(), 10s);
}

}  // namespace
}  // namespace utakata
