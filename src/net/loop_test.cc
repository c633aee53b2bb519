#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "net/descriptor.h"

namespace utakata::net {
namespace {

Descriptor ready_descriptor() { return Descriptor(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)); }
Descriptor idle_descriptor() { return Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

TEST(Loop, posts_of_many_threads_then_all_run_each_threads_own_in_order) {
  Loop loop;
  constexpr int threads = 4, each = 2000;
  std::vector<std::vector<int>> got(threads);
  int left = threads * each;
  std::vector<std::jthread> posting;
  for (int t = 0; t < threads; ++t)
    posting.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        loop.post([&, t, i] {
          got[std::size_t(t)].push_back(i);
          if (--left == 0) loop.stop();
        });
    });
  loop.run();
  for (const auto& one : got) {
    ASSERT_EQ(one.size(), std::size_t(each));
    EXPECT_TRUE(std::ranges::is_sorted(one));
  }
}

TEST(Loop, stopped_before_it_runs_then_returns_and_can_run_again) {
  Loop loop;
  std::jthread([&] { loop.stop(); }).join();
  loop.run();
  bool ran = false;
  loop.after(1ms, [&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, a_descriptor_closed_and_its_number_used_again_within_one_batch_then_no_stale_event) {
  Loop loop;
  Descriptor a = ready_descriptor(), b = ready_descriptor(), fresh;
  int calls = 0, stale = 0;
  const auto ready = [&](Descriptor& mine, Descriptor& other) {
    ++calls;
    loop.unwatch(other.get());
    const int number = other.get();
    other.reset();
    fresh = idle_descriptor();
    ASSERT_EQ(fresh.get(), number);
    loop.watch(fresh.get(), EPOLLIN, [&](std::uint32_t) { ++stale; });
    loop.unwatch(mine.get());
    loop.after(1ms, [&] { loop.stop(); });
  };
  loop.watch(a.get(), EPOLLIN, [&](std::uint32_t) { ready(a, b); });
  loop.watch(b.get(), EPOLLIN, [&](std::uint32_t) { ready(b, a); });
  loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(stale, 0);
  loop.unwatch(fresh.get());
}

TEST(Loop, a_callback_that_unwatches_itself_then_keeps_what_it_captured_until_it_returns) {
  Loop loop;
  Descriptor one = ready_descriptor();
  std::string seen;
  loop.watch(one.get(), EPOLLIN, [&, text = std::string(100, 'x')](std::uint32_t events) {
    loop.unwatch(one.get());
    one.reset();
    EXPECT_EQ(events, std::uint32_t{EPOLLIN});
    seen = text;
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(seen, std::string(100, 'x'));
}

TEST(Loop, rewatched_for_nothing_then_silent_until_rewatched) {
  Loop loop;
  const Descriptor one = ready_descriptor();
  int calls = 0;
  loop.watch(one.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    loop.rewatch(one.get(), 0);
    loop.after(1ms, [&] { calls == 1 ? loop.rewatch(one.get(), EPOLLIN) : loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(calls, 2);
  loop.unwatch(one.get());
}

TEST(Loop, many_ready_at_once_then_the_turn_ends_after_all_of_them) {
  Loop loop;
  std::vector<Descriptor> all;
  std::string order;
  for (int i = 0; i < 3; ++i) {
    const int number = all.emplace_back(ready_descriptor()).get();
    loop.watch(number, EPOLLIN, [&, number](std::uint32_t) {
      order += 'r';
      loop.unwatch(number);
      if (order.ends_with("rrr")) loop.post([&] { loop.stop(); });
    });
  }
  const auto cancelled = loop.on_turn_end([&] { order += '!'; });
  loop.cancel_turn_end(cancelled);
  loop.on_turn_end([&] {
    if (!order.empty() && order.back() == 'r') order += 'e';
  });
  loop.run();
  EXPECT_EQ(order, "rrre");
}

TEST(Loop, timers_then_never_early_and_in_order) {
  Loop loop;
  std::string order;
  const auto begin = loop.now();
  loop.after(20ms, [&] {
    EXPECT_GE(loop.now() - begin, 20ms);
    order += 'c';
    loop.stop();
  });
  loop.after(2ms, [&] {
    EXPECT_GE(loop.now() - begin, 2ms);
    order += 'a';
    loop.after(2ms, [&] { order += 'b'; });
  });
  const auto never = loop.after(3ms, [&] { order += '!'; });
  loop.cancel(never);
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(Loop, a_signal_then_told_on_the_loop) {
  Loop loop;
  int told = 0;
  loop.on_signal(SIGUSR1, [&] {
    ++told;
    loop.stop();
  });
  loop.post([] { std::raise(SIGUSR1); });
  loop.run();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace utakata::net
