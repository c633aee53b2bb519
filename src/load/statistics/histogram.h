// How long things took, in bounded memory (after HdrHistogram): any percentile within 0.1 %, parts
// merged exactly. Values are microseconds, 1 to 2^32 (71 minutes). Pure.
//
// A bucket is 1/512 of its magnitude wide at most and answers its middle, so that no value is off
// by more than 1/1024. Memory comes by magnitude: 4 KB for each power of two that was met (the
// first two hold 1 to 1023), 96 KB at most, none of an empty one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata::load {

class Histogram {
 public:
  static constexpr std::int64_t lowest = 1, highest = std::int64_t{1} << 32;  // microseconds

  // What is outside is taken as the nearest that is not, and counted. A few ns; allocates where a
  // magnitude is met for the first time.
  void record(std::int64_t us, std::uint64_t count = 1);
  // As if all that was recorded there had been recorded here: in any order, to the last bit.
  void merge(const Histogram& other);
  void clear();  // keeps the memory

  // Of an empty one all of these are 0: ask count() first.
  std::uint64_t count() const { return count_; }
  std::uint64_t clamped() const { return clamped_; }  // of them, were outside
  std::int64_t min() const { return min_; }           // min, max, mean and deviation are exact
  std::int64_t max() const { return max_; }
  double mean() const;
  double standard_deviation() const;  // of all there are, not an estimate from a sample
  // The smallest value that at least `percent` of all do not exceed (nearest rank), within 0.1 %;
  // 0 gives min(), 100 max(), exactly. O(buckets in use): some microseconds.
  std::int64_t percentile(double percent) const;

  // As one word of base64: some bytes for each bucket in use, 200 KB at most.
  std::string encode() const;
  // `invalid`: not what encode() gives. What is read from hostile text is still sound: its numbers
  // fit one another, and not more than 2^48 values are in it.
  static Expected<Histogram> decode(std::string_view text);

  bool operator==(const Histogram& other) const;  // the same was recorded

 private:
  using Wide = unsigned __int128;
  static constexpr std::size_t magnitude_size = 512, magnitudes = 24;

  struct Bucket {
    std::int64_t from = 0, to = 0;  // both included
  };
  static std::size_t index_of(std::int64_t us);
  static Bucket bucket_of(std::size_t index);
  void add(std::size_t index, std::uint64_t count);
  template <class See>  // see(index, count) of what is not empty, rising; until it answers false
  void each(See see) const;
  Wide deviations() const;  // the sum of (value - floor(mean))^2
  bool is_sound() const;

  std::vector<std::vector<std::uint64_t>> counts_;  // by magnitude; each empty until met
  std::uint64_t count_ = 0, clamped_ = 0;
  std::int64_t min_ = 0, max_ = 0;
  Wide sum_ = 0, squares_ = 0;  // 2^48 values of 2^32 squared make 2^112
};

template <class See>
void Histogram::each(See see) const {
  for (std::size_t m = 0; m < counts_.size(); ++m)
    for (std::size_t i = 0; i < counts_[m].size(); ++i)
      if (counts_[m][i] != 0 && !see(m * magnitude_size + i, counts_[m][i])) return;
}

}  // namespace utakata::load
