#include "fleet/plan/stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace utakata {
namespace {

using Values = std::vector<Stamped<int>>;

// Values a few seconds apart, some at the same moment.
Values a_day() {
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(-3, 4)));
  Values values;
  Instant at{};
  for (const auto& [pause, value] : steps) values.push_back({at += pause * 1s, value});
  return values;
}

template <class T>
std::vector<Stamped<T>> record(const Stream<int>& source, const Stream<T>& out, const Values& day) {
  std::vector<Stamped<T>> seen;
  out.each([&seen](Instant at, const T& value) { seen.push_back({at, value}); });
  for (const auto& [at, value] : day) source.push(at, value);
  return seen;
}

RC_GTEST_PROP(Stream, two_maps_are_one_map_of_both, ()) {
  const Values day = a_day();
  const auto twice = [](int x) { return 2 * x; };
  const auto plus = [](int x) { return x + 1; };
  const Stream<int> one, two;
  RC_ASSERT(record(one, one.map(twice).map(plus), day) ==
            record(two, two.map([&](int x) { return plus(twice(x)); }), day));
}

RC_GTEST_PROP(Stream, filter_after_map_is_map_after_filter, ()) {
  const Values day = a_day();
  const Stream<int> one, two;
  const auto twice = [](int x) { return 2 * x; };
  RC_ASSERT(record(one, one.map(twice).filter([](int x) { return x > 2; }), day) ==
            record(two, two.filter([](int x) { return 2 * x > 2; }).map(twice), day));
}

RC_GTEST_PROP(Stream, scan_is_a_running_fold, ()) {
  const Values day = a_day();
  const Stream<int> source;
  const auto sums =
      record(source, source.scan(10, [](int& sum, Instant, int x) { return sum += x; }), day);
  RC_ASSERT(sums.size() == day.size());
  int sum = 10;
  for (std::size_t i = 0; i < day.size(); ++i)
    RC_ASSERT(sums[i] == (Stamped<int>{day[i].at, sum += day[i].value}));
}

RC_GTEST_PROP(Stream, window_is_what_a_look_at_everything_gives, ()) {
  const Values day = a_day();
  const Duration length = *rc::gen::inRange(1, 12) * 1s;
  const Stream<int> source;
  const auto windows = record(source, source.window(length), day);
  RC_ASSERT(windows.size() == day.size());
  for (std::size_t i = 0; i < day.size(); ++i) {
    std::deque<Stamped<int>> all;
    for (std::size_t k = 0; k <= i; ++k)
      if (day[i].at - day[k].at < length) all.push_back(day[k]);
    RC_ASSERT(windows[i].value == all);
  }
}

RC_GTEST_PROP(Stream,
              throttle_passes_the_first_then_at_most_one_a_pause_and_none_later_than_need_be, ()) {
  const Values day = a_day();
  const Duration pause = *rc::gen::inRange(0, 9) * 1s;
  const Stream<int> source;
  const auto passed = record(source, source.throttle(pause), day);
  RC_ASSERT(passed.empty() == day.empty());
  std::size_t next = 0;
  for (const auto& value : day) {
    const bool may = next == 0 || value.at - passed[next - 1].at >= pause;
    if (!may) continue;
    RC_ASSERT(next < passed.size());
    RC_ASSERT(passed[next++] == value);
  }
  RC_ASSERT(next == passed.size());
}

RC_GTEST_PROP(Stream, merge_has_the_values_of_both_in_the_order_they_came, ()) {
  const Values day = a_day();
  const Stream<int> left, right;
  Values seen;
  left.merge(right).each([&](Instant at, int value) { seen.push_back({at, value}); });
  for (std::size_t i = 0; i < day.size(); ++i) (i % 2 ? left : right).push(day[i].at, day[i].value);
  RC_ASSERT(seen == day);
}

// -3 and -2 stand for "cannot be told", -1 and 0 for false, the rest for true.
std::optional<bool> verdict_of(int value) {
  return value < -1 ? std::nullopt : std::optional(value > 0);
}

RC_GTEST_PROP(Stream, sustained_holds_exactly_if_it_was_true_throughout_with_no_gap, ()) {
  Values day = a_day();
  for (auto& [at, value] : day)
    if (*rc::gen::inRange(0, 3) > 0) value = 1;  // else long runs of truth are rare
  const Duration length = *rc::gen::inRange(0, 9) * 1s, gap_max = *rc::gen::inRange(1, 4) * 1s;
  const Stream<int> source;
  const auto held =
      record(source, source.sustained(length, gap_max, verdict_of).map([](const Sustained<int>& s) {
        return s.holds;
      }),
             day);
  for (std::size_t i = 0; i < day.size(); ++i) {
    bool expected = verdict_of(day[i].value) == true;
    std::size_t first = i;
    while (expected && first > 0 && verdict_of(day[first - 1].value) == true &&
           day[first].at - day[first - 1].at <= gap_max)
      --first;
    expected = expected && day[i].at - day[first].at >= length;
    RC_ASSERT(held[i].value == expected);
  }
}

TEST(Stream, a_late_listener_hears_only_what_comes_after_it) {
  const Stream<int> source;
  std::string heard;
  source.push(Instant{1s}, 1);
  source.map([](int x) { return std::to_string(x); }).each([&](Instant, const std::string& s) {
    heard += s;
  });
  source.push(Instant{2s}, 2);
  EXPECT_EQ(heard, "2");
}

}  // namespace
}  // namespace utakata
