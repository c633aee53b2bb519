// Laws of the operators, on random streams of times that never go back.
#include "fleet/plan/stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
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

RC_GTEST_PROP(Stream, a_map_that_changes_nothing_is_no_map, ()) {
  const Values day = a_day();
  const Stream<int> source;
  RC_ASSERT(record(source, source.map([](int x) { return x; }), day) == day);
}

RC_GTEST_PROP(Stream, two_filters_are_one_filter_of_both_in_either_order, ()) {
  const Values day = a_day();
  const auto above = [](int x) { return x > -2; };
  const auto even = [](int x) { return x % 2 == 0; };
  const Stream<int> one, two, three;
  const Values both = record(one, one.filter(above).filter(even), day);
  RC_ASSERT(both == record(two, two.filter(even).filter(above), day));
  RC_ASSERT(both == record(three, three.filter([&](int x) { return above(x) && even(x); }), day));
  Values by_hand;
  std::ranges::copy_if(day, std::back_inserter(by_hand),
                       [&](const auto& v) { return above(v.value) && even(v.value); });
  RC_ASSERT(both == by_hand);
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

// A pause is no loss where what holds is offered again at each tick, as a rule's condition is: what
// holds at the end passes at the first tick `pause` after the last that passed, at the latest.
RC_GTEST_PROP(Stream, throttle_lets_through_in_the_end_what_is_offered_again_and_again, ()) {
  Values day = a_day();
  RC_PRE(!day.empty());
  const Duration pause = *rc::gen::inRange(0, 9) * 1s, tick = *rc::gen::inRange(1, 4) * 1s;
  day.back().value = 7;  // nothing else is
  const Instant held_since = day.back().at;
  for (Duration more = tick; more < pause + tick; more += tick)
    day.push_back({held_since + more, 7});
  const Stream<int> source;
  const Values passed = record(source, source.throttle(pause), day);
  const auto first = std::ranges::find(passed, 7, &Stamped<int>::value);
  RC_ASSERT(first != passed.end());
  const bool had_none = first == passed.begin();
  const Instant may_from = had_none ? held_since : std::max(held_since, (first - 1)->at + pause);
  RC_ASSERT(first->at >= may_from);
  RC_ASSERT(first->at - may_from < tick);
  for (std::size_t i = 1; i < passed.size(); ++i)
    RC_ASSERT(passed[i].at - passed[i - 1].at >= pause);
}

RC_GTEST_PROP(Stream, merge_has_the_values_of_both_in_the_order_they_came, ()) {
  const Values day = a_day();
  const Stream<int> left, right;
  const Stream<int> merged = left.merge(right);
  Values seen, of_left, of_right;
  merged.each([&](Instant at, int value) { seen.push_back({at, value}); });
  left.each([&](Instant at, int value) { of_left.push_back({at, value}); });
  right.each([&](Instant at, int value) { of_right.push_back({at, value}); });
  std::vector<bool> is_left;
  for (const auto& [at, value] : day) {
    is_left.push_back(*rc::gen::arbitrary<bool>());
    (is_left.back() ? left : right).push(at, value);
  }
  RC_ASSERT(seen == day);
  // So each source's own order is kept, and nothing is lost or doubled.
  Values from_left, from_right;
  for (std::size_t i = 0; i < seen.size(); ++i)
    (is_left[i] ? from_left : from_right).push_back(seen[i]);
  RC_ASSERT(from_left == of_left);
  RC_ASSERT(from_right == of_right);
}

RC_GTEST_PROP(Stream, merge_with_what_is_silent_is_the_stream_itself, ()) {
  const Values day = a_day();
  const Stream<int> one, two, silent;
  RC_ASSERT(record(one, one.merge(silent), day) == day);
  RC_ASSERT(record(two, silent.merge(two), day) == day);
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
  struct Said {
    int value = 0;
    std::optional<bool> verdict;
    Duration lasted{};
    bool holds = false;
  };
  std::vector<Said> said;
  source.sustained(length, gap_max, verdict_of).each([&](Instant, const Sustained<int>& s) {
    said.push_back({*s.value, s.verdict, s.lasted, s.holds});
  });
  for (const auto& [at, value] : day) source.push(at, value);
  RC_ASSERT(said.size() == day.size());
  for (std::size_t i = 0; i < day.size(); ++i) {
    const bool is_true = verdict_of(day[i].value) == true;
    std::size_t first = i;
    while (is_true && first > 0 && verdict_of(day[first - 1].value) == true &&
           day[first].at - day[first - 1].at <= gap_max)
      --first;
    const Duration lasted = day[i].at - day[first].at;
    RC_ASSERT(said[i].value == day[i].value);
    RC_ASSERT(said[i].verdict == verdict_of(day[i].value));
    RC_ASSERT(said[i].lasted == (is_true ? lasted : Duration{0}));
    RC_ASSERT(said[i].holds == (is_true && lasted >= length));
  }
}

RC_GTEST_PROP(Stream, who_listens_late_hears_the_rest_and_no_more, ()) {
  const Values day = a_day();
  const std::size_t late = *rc::gen::inRange<std::size_t>(0, day.size() + 1);
  const Stream<int> source;
  Values heard;
  for (std::size_t i = 0; i <= day.size(); ++i) {
    if (i == late)  // the operators have no memory of what came before them either
      source.window(1h).each(
          [&](Instant, const auto& kept) { heard = {kept.begin(), kept.end()}; });
    if (i < day.size()) source.push(day[i].at, day[i].value);
  }
  RC_ASSERT(heard == Values(day.begin() + std::ptrdiff_t(late), day.end()));
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
