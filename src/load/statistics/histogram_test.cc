#include "load/statistics/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "wire/base64.h"

namespace utakata::load {
namespace {

using Values = std::vector<std::int64_t>;

// Of all magnitudes alike, or close to one another as latencies are.
Values some_values(std::size_t least = 0) {
  const bool is_narrow = *rc::gen::arbitrary<bool>();
  const auto middle = *rc::gen::inRange<std::int64_t>(1, 2'000'000'000);
  Values values(*rc::gen::inRange<std::size_t>(least, 400));
  for (auto& value : values) {
    const int bits = *rc::gen::inRange(0, 33);
    value = is_narrow ? middle + *rc::gen::inRange<std::int64_t>(0, 5'000)
                      : *rc::gen::inRange<std::int64_t>(1, (std::int64_t{1} << bits) + 1);
  }
  return values;
}

Histogram histogram_of(const Values& values) {
  Histogram all;
  for (const auto value : values) all.record(value);
  return all;
}

TEST(Histogram, an_empty_one_costs_next_to_nothing_and_answers_zero) {
  const Histogram empty;
  static_assert(sizeof(Histogram) < 100);
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.percentile(95), 0);
  EXPECT_EQ(empty.min(), 0);
  EXPECT_EQ(empty.max(), 0);
  EXPECT_EQ(empty.mean(), 0);
  EXPECT_EQ(empty.standard_deviation(), 0);
}

TEST(Histogram, what_is_outside_is_taken_as_the_nearest_and_counted) {
  Histogram all;
  for (const std::int64_t us : {std::int64_t{-5}, std::int64_t{0}, std::int64_t{1}, std::int64_t{7},
                                Histogram::highest, Histogram::highest + 1, INT64_MAX, INT64_MIN})
    all.record(us);
  EXPECT_EQ(all.count(), 8u);
  EXPECT_EQ(all.clamped(), 5u);
  EXPECT_EQ(all.min(), 1);
  EXPECT_EQ(all.max(), std::int64_t{1} << 32);
  all.record(0, 10);
  EXPECT_EQ(all.clamped(), 15u);
  all.record(3, 0);
  EXPECT_EQ(all.count(), 18u) << "nothing is nothing";
}

// rank: the place in the sorted list, from 1.
TEST(Histogram, a_percentile_is_the_nearest_rank) {
  Histogram all;
  for (int us = 1; us <= 1000; ++us) all.record(us);
  const std::pair<double, std::int64_t> rows[] = {
      {0, 1},      {0.1, 1},      {0.11, 2},   {50, 500}, {95, 950},  {99, 990},
      {99.9, 999}, {99.91, 1000}, {100, 1000}, {-3, 1},   {250, 1000}};
  for (const auto& [percent, us] : rows) EXPECT_EQ(all.percentile(percent), us) << percent;
}

// 2.2 % of 1500 are 33, but 2.2 * 1500 / 100 is a little more in floating point.
TEST(Histogram, a_percentile_is_not_one_too_far_by_rounding) {
  Histogram all;
  all.record(1), all.record(2, 32), all.record(3, 1466), all.record(4);
  EXPECT_EQ(all.percentile(2.2), 2);
  EXPECT_EQ(all.percentile(2.21), 3);
}

TEST(Histogram, percentiles_of_any_values_are_those_of_the_sorted_list_within_a_thousandth) {
  EXPECT_TRUE(rc::check([] {
    Values values = some_values(1);
    const Histogram all = histogram_of(values);
    std::ranges::sort(values);
    for (int i = 0; i < 20; ++i) {
      const auto permille = *rc::gen::inRange<std::size_t>(0, 1001);
      const std::size_t rank = std::max<std::size_t>(1, (permille * values.size() + 999) / 1000);
      const double exact = double(values[rank - 1]);
      const double measured = double(all.percentile(double(permille) / 10));
      RC_ASSERT(std::abs(measured - exact) <= exact / 1000);
    }
    RC_ASSERT(all.percentile(0) == values.front());
    RC_ASSERT(all.percentile(100) == values.back());
  }));
}

// Each bucket's edges, in every magnitude.
TEST(Histogram, no_value_is_off_by_more_than_a_thousandth) {
  for (int bit = 0; bit <= 32; ++bit)
    for (const std::int64_t step : {0, 1, 511, 512, 513, 1022, 1023})
      for (const std::int64_t slip : {-1, 0, 1}) {
        const std::int64_t middle = (std::int64_t{1} << bit) + (step << std::max(0, bit - 10));
        const std::int64_t us = std::clamp(middle + slip, Histogram::lowest, Histogram::highest);
        Histogram all;  // three, lest the middle one be the exact min or max
        all.record(1), all.record(us), all.record(Histogram::highest);
        EXPECT_LE(std::abs(double(all.percentile(50) - us)), double(us) / 1000) << us;
      }
}

TEST(Histogram, mean_and_deviation_are_those_of_all_values) {
  EXPECT_TRUE(rc::check([] {
    const Values values = some_values(1);
    const Histogram all = histogram_of(values);
    const auto count = static_cast<long double>(values.size());
    const long double mean = std::accumulate(values.begin(), values.end(), 0.0L) / count;
    long double squares = 0;
    for (const auto value : values) squares += (value - mean) * (value - mean);
    const auto deviation = double(std::sqrt(squares / count));
    RC_ASSERT(std::abs(all.mean() - double(mean)) <= 1e-12 * double(mean));
    RC_ASSERT(std::abs(all.standard_deviation() - deviation) <= 1e-9 * deviation + 1e-6);
    RC_ASSERT(all.min() == std::ranges::min(values));
    RC_ASSERT(all.max() == std::ranges::max(values));
  }));
}

TEST(Histogram, the_deviation_of_large_values_that_are_close_is_not_lost_in_rounding) {
  Histogram all;
  all.record(4'000'000'000, 500'000);
  all.record(4'000'000'002, 500'000);
  EXPECT_DOUBLE_EQ(all.standard_deviation(), 1);
  EXPECT_DOUBLE_EQ(all.mean(), 4'000'000'001);
}

TEST(Histogram, parts_merged_in_any_order_are_the_whole_to_the_last_bit) {
  EXPECT_TRUE(rc::check([] {
    const Values values = some_values();
    const Histogram all = histogram_of(values);
    std::vector<Histogram> parts(*rc::gen::inRange<std::size_t>(1, 6));
    for (const auto value : values)
      parts[*rc::gen::inRange<std::size_t>(0, parts.size())].record(value);
    Histogram merged;
    for (const auto& part : parts) merged.merge(part);
    RC_ASSERT(merged == all);
    RC_ASSERT(merged.encode() == all.encode());
    Histogram backwards;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) backwards.merge(*part);
    RC_ASSERT(backwards == all);
  }));
}

TEST(Histogram, merged_with_itself_it_holds_all_twice) {
  Histogram all = histogram_of({1, 50, 70'000});
  all.merge(all);
  Histogram twice;
  for (const std::int64_t us : {1, 50, 70'000}) twice.record(us, 2);
  EXPECT_EQ(all, twice);
}

TEST(Histogram, those_that_differ_in_one_value_are_not_equal) {
  const Histogram all = histogram_of({5, 5'000'000});
  EXPECT_NE(all, histogram_of({5}));
  EXPECT_NE(all, histogram_of({5, 5'000'001})) << "in one bucket, but another sum";
  EXPECT_NE(histogram_of({1, 4, 4}), histogram_of({2, 2, 5})) << "one sum";
}

TEST(Histogram, cleared_it_is_as_if_nothing_had_been) {
  Histogram all = histogram_of({0, 3, 9'000'000});
  all.clear();
  EXPECT_EQ(all, Histogram());
  EXPECT_EQ(all.encode(), Histogram().encode());
  all.record(17);
  EXPECT_EQ(all, histogram_of({17}));
}

TEST(Histogram, its_text_is_read_as_the_same) {
  EXPECT_TRUE(rc::check([] {
    Histogram all = histogram_of(some_values());
    all.record(-1, *rc::gen::inRange<std::uint64_t>(0, 3));
    all.record(77, *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 40));
    all.record(INT64_MAX, *rc::gen::inRange<std::uint64_t>(0, 3));
    const auto read = Histogram::decode(all.encode());
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == all);
    RC_ASSERT(read->percentile(95) == all.percentile(95));
  }));
}

TEST(Histogram, its_text_is_short) {
  Histogram all;
  for (int i = 0; i < 100'000; ++i) all.record(20'000 + i % 5'000);  // 20 to 25 ms
  EXPECT_LT(all.encode().size(), 1'000u);
  EXPECT_LT(Histogram().encode().size(), 10u);
}

TEST(Histogram, what_is_no_histogram_is_refused_with_the_reason) {
  const auto text = [](std::string_view bytes) { return wire::base64_of(bytes); };
  using namespace std::string_view_literals;
  const std::pair<std::string, std::string> rows[] = {
      {"", "version"},
      {"!", "not base64"},
      {text("\x02"sv), "version"},
      {text("\x01\x00"sv), "end early"},
      {text("\x01\x00\x05\x00\x05\x19"sv), "end early"},               // no bucket
      {text("\x01\x00\x05\x00\x05\x19\x05"sv), "bucket"},              // without its count
      {text("\x01\x00\x05\x00\x05\x19\x05\x00"sv), "bucket"},          // of nothing
      {text("\x01\x02\x05\x00\x05\x19\x05\x01"sv), "end early"},       // more clamped than counted
      {text("\x01\x00\x06\x00\x05\x19\x05\x01"sv), "do not fit"},      // another min
      {text("\x01\x00\x05\x01\x05\x19\x05\x01"sv), "do not fit"},      // another max
      {text("\x01\x00\x05\x00\x06\x19\x05\x01"sv), "do not fit"},      // another sum
      {text("\x01\x00\x05\x00\x05\x1a\x05\x01"sv), "do not fit"},      // another sum of squares
      {text("\x01\x00\x05\x00\x05\x19\xff\xff\x7f\x01"sv), "bucket"},  // far away
      {text("\x01\x00\x05\x00\x05\x19\x05\xff\xff\xff\xff\xff\xff\xff\x7f"sv), "bucket"},
      {std::string(300'000, 'A'), "longer"},
  };
  for (const auto& [bytes, why] : rows) {
    const auto read = Histogram::decode(bytes);
    ASSERT_FALSE(read) << why;
    EXPECT_NE(read.error().what.find(why), std::string::npos) << read.error().what;
  }
  EXPECT_EQ(Histogram::decode(text("\x01\x00\x05\x00\x05\x19\x05\x01"sv)), histogram_of({5}));
}

TEST(Histogram, what_is_read_from_damaged_text_is_refused_or_sound) {
  EXPECT_TRUE(rc::check([] {
    std::string bytes = *wire::bytes_of_base64(histogram_of(some_values(1)).encode());
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      if (*rc::gen::arbitrary<bool>())
        bytes[at] = *rc::gen::arbitrary<char>();
      else
        bytes.resize(std::max<std::size_t>(1, at));
    }
    const auto read = Histogram::decode(wire::base64_of(bytes));
    if (!read || read->count() == 0) return;
    RC_ASSERT(read->min() >= Histogram::lowest);
    RC_ASSERT(read->max() <= Histogram::highest);
    RC_ASSERT(read->percentile(50) >= read->min());
    RC_ASSERT(read->percentile(50) <= read->max());
    RC_ASSERT(read->mean() >= 1);
    RC_ASSERT(std::isfinite(read->standard_deviation()));
    RC_ASSERT(read->standard_deviation() <= double(Histogram::highest));
    RC_ASSERT(Histogram::decode(read->encode()).value() == *read);
  }));
}

}  // namespace
}  // namespace utakata::load
