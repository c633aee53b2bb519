#include "net/timer_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace utakata::net {
namespace {

const Instant start{1h};

TEST(TimerQueue, due_in_any_order_then_run_in_the_order_of_time) {
  TimerQueue queue;
  std::string ran;
  queue.add(start + 3ms, 0ns, [&] { ran += 'c'; });
  queue.add(start + 1ms, 0ns, [&] { ran += 'a'; });
  queue.add(start + 2ms, 0ns, [&] { ran += 'b'; });
  EXPECT_EQ(queue.next(), start + 1ms);
  queue.run_due(start + 2ms);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(queue.next(), start + 3ms);
  queue.run_due(start + 9ms);
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(queue.next(), std::nullopt);
}

TEST(TimerQueue, cancelled_by_another_that_is_due_then_not_run) {
  TimerQueue queue;
  int ran = 0;
  TimerQueue::Id second = 0;
  queue.add(start, 0ns, [&] { queue.cancel(second); });
  second = queue.add(start, 0ns, [&] { ++ran; });
  queue.run_due(start);
  EXPECT_EQ(ran, 0);
  queue.cancel(second);
  queue.cancel(12345);
}

TEST(TimerQueue, a_period_then_fires_each_time_until_it_cancels_itself) {
  TimerQueue queue;
  int ran = 0;
  TimerQueue::Id id = 0;
  id = queue.add(start + 10ms, 10ms, [&] {
    if (++ran == 3) queue.cancel(id);
  });
  for (int ms = 0; ms < 100; ++ms) queue.run_due(start + ms * 1ms);
  EXPECT_EQ(ran, 3);
  EXPECT_EQ(queue.next(), std::nullopt);
}

TEST(TimerQueue, late_by_many_periods_then_fires_once_and_keeps_its_beat) {
  TimerQueue queue;
  int ran = 0;
  queue.add(start + 10ms, 10ms, [&] { ++ran; });
  queue.run_due(start + 57ms);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(queue.next(), start + 60ms);
}

TEST(TimerQueue, sets_itself_anew_for_at_once_then_waits_for_the_next_turn) {
  TimerQueue queue;
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    queue.add(start, 0ns, again);
  };
  queue.add(start, 0ns, again);
  queue.run_due(start);
  EXPECT_EQ(ran, 1);
  queue.run_due(start + 1ms);
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace utakata::net
