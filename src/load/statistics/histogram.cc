#include "load/statistics/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace utakata::load {

// Below 1024 each value has its own bucket; above, the ten highest bits say which.
std::size_t Histogram::index_of(std::int64_t us) {
  const auto value = std::uint64_t(std::min(us, highest - 1));  // 2^32 alone would need a magnitude
  const int shift = std::max(0, int(std::bit_width(value)) - 10);
  return std::size_t(shift) * magnitude_size + std::size_t(value >> shift);
}

Histogram::Bucket Histogram::bucket_of(std::size_t index) {
  const std::size_t shift = index < 2 * magnitude_size ? 0 : index / magnitude_size - 1;
  const auto from = std::int64_t(index - shift * magnitude_size) << shift;
  const bool is_last = index + 1 == magnitudes * magnitude_size;
  return {from, from + (std::int64_t{1} << shift) - (is_last ? 0 : 1)};
}

void Histogram::add(std::size_t index, std::uint64_t count) {
  if (counts_.empty()) counts_.resize(magnitudes);
  auto& magnitude = counts_[index / magnitude_size];
  if (magnitude.empty()) magnitude.resize(magnitude_size);
  magnitude[index % magnitude_size] += count;
}

void Histogram::record(std::int64_t us, std::uint64_t count) {
  if (count == 0) return;
  const std::int64_t value = std::clamp(us, lowest, highest);
  if (value != us) clamped_ += count;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += count;
  sum_ += Wide(value) * count;
  squares_ += Wide(value) * Wide(value) * count;
  add(index_of(value), count);
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (&other == this) return merge(Histogram(other));
  other.each([this](std::size_t index, std::uint64_t count) { return add(index, count), true; });
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  clamped_ += other.clamped_;
  sum_ += other.sum_;
  squares_ += other.squares_;
}

void Histogram::clear() {
  for (auto& magnitude : counts_) std::ranges::fill(magnitude, 0);
  count_ = clamped_ = 0;
  min_ = max_ = 0;
  sum_ = squares_ = 0;
}

double Histogram::mean() const { return count_ == 0 ? 0 : double(sum_) / double(count_); }

// Whole numbers, and what overflows on the way comes back (modulo 2^128): nothing cancels out, as
// it would in floating point where values are large and close to one another.
Histogram::Wide Histogram::deviations() const {
  const Wide mean = sum_ / count_;
  return squares_ - 2 * mean * sum_ + Wide(count_) * mean * mean;
}

double Histogram::standard_deviation() const {
  if (count_ == 0) return 0;
  const double rest = double(sum_ % count_) / double(count_);  // mean - floor(mean)
  return std::sqrt(std::max(0.0, double(deviations()) / double(count_) - rest * rest));
}

std::int64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  // 99.9 % of 1000 is the 999th: what rounding adds in the last place must not make it the 1000th.
  const double exact = std::clamp(percent, 0.0, 100.0) * double(count_) / 100;
  const double rank = std::ceil(exact * (1 - 4 * std::numeric_limits<double>::epsilon()));
  if (rank <= 1) return min_;
  if (rank >= double(count_)) return max_;
  std::uint64_t seen = 0;
  std::int64_t found = max_;
  each([&](std::size_t index, std::uint64_t count) {
    seen += count;
    if (double(seen) < rank) return true;
    const auto [from, to] = bucket_of(index);
    found = std::clamp(from + (to - from + 1) / 2, min_, max_);
    return false;
  });
  return found;
}

bool Histogram::operator==(const Histogram& other) const {
  if (count_ != other.count_ || clamped_ != other.clamped_ || min_ != other.min_ ||
      max_ != other.max_ || sum_ != other.sum_ || squares_ != other.squares_)
    return false;
  bool is_equal = true;  // their sums are, so that one look suffices
  each([&](std::size_t index, std::uint64_t count) {
    const auto& theirs = other.counts_[index / magnitude_size];
    return is_equal = !theirs.empty() && theirs[index % magnitude_size] == count;
  });
  return is_equal;
}

}  // namespace utakata::load
