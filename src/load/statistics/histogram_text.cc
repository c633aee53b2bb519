// A histogram as text: base64 of LEB128 numbers. First a version, then (unless it is empty)
// clamped, min, max - min, sum and sum of squares, then for each bucket in use how far it is from
// the last one, and its count.
#include "load/statistics/histogram.h"
#include "wire/base64.h"

namespace utakata::load {
namespace {

using Wide = unsigned __int128;
constexpr std::uint64_t version = 1;
constexpr std::size_t text_bytes_max = 256 * 1024;  // 12,288 buckets of 2 + 7 bytes, in base64
constexpr std::uint64_t count_max = std::uint64_t{1} << 48;

void put(std::string& bytes, Wide number) {
  for (; number >= 0x80; number >>= 7) bytes += char(std::uint8_t(number) | 0x80);
  bytes += char(number);
}

// Once something was wrong every number is 0, and is_good false.
struct Numbers {
  std::string_view left;
  bool is_good = true;

  Wide next(int bits = 64) {
    Wide number = 0;
    for (int shift = 0; shift < bits && !left.empty(); shift += 7) {
      const auto byte = std::uint8_t(left.front());
      left.remove_prefix(1);
      const Wide part = Wide(byte & 0x7f);
      if (bits - shift < 7 && part >> (bits - shift) != 0) break;
      number |= part << shift;
      if (byte < 0x80) return is_good ? number : 0;
    }
    is_good = false;
    left = {};
    return 0;
  }
};

std::unexpected<Problem> refused(const char* why) {
  return problem(Problem::Kind::invalid, std::string("This is no histogram: ") + why);
}

}  // namespace

std::string Histogram::encode() const {
  std::string bytes;
  put(bytes, version);
  if (count_ != 0) {
    put(bytes, clamped_);
    put(bytes, Wide(min_));
    put(bytes, Wide(max_ - min_));
    put(bytes, sum_);
    put(bytes, squares_);
  }
  std::size_t last = 0;
  each([&](std::size_t index, std::uint64_t count) {
    put(bytes, index - last);
    put(bytes, count);
    last = index;
    return true;
  });
  return wire::base64_of(bytes);
}

Expected<Histogram> Histogram::decode(std::string_view text) {
  if (text.size() > text_bytes_max) return refused("it is longer than 256 KB.");
  const auto bytes = wire::bytes_of_base64(text);
  if (!bytes) return refused("it is not base64.");
  Numbers numbers{*bytes};
  if (numbers.next() != version) return refused("it is of no version that is known here.");
  Histogram all;
  if (numbers.left.empty()) return all;
  const Wide clamped = numbers.next(), min = numbers.next(), range = numbers.next();
  all.sum_ = numbers.next(128);
  all.squares_ = numbers.next(128);
  for (std::size_t index = 0; !numbers.left.empty();) {
    const Wide gap = numbers.next(), count = numbers.next();
    if (gap == 0 || gap >= magnitudes * magnitude_size - index || count == 0 ||
        count > count_max - all.count_)
      return refused("a bucket of it cannot be.");
    index += std::size_t(gap);
    all.add(index, std::uint64_t(count));
    all.count_ += std::uint64_t(count);
  }
  if (!numbers.is_good || all.count_ == 0 || clamped > all.count_ || min < Wide(lowest) ||
      min > Wide(highest) || range > Wide(highest) - min)
    return refused("its numbers end early, or are too large.");
  all.clamped_ = std::uint64_t(clamped);
  all.min_ = std::int64_t(min);
  all.max_ = std::int64_t(min + range);
  if (!all.is_sound()) return refused("its numbers do not fit one another.");
  return all;
}

// Could some values have made these numbers? (Not whether they did: sums are bounded by the
// buckets, and no sum of squares is below that of as many equal values.)
bool Histogram::is_sound() const {
  Wide sum_from = 0, sum_to = 0, squares_from = 0, squares_to = 0;
  std::size_t first = magnitudes * magnitude_size, last = 0;
  each([&](std::size_t index, std::uint64_t count) {
    const auto [from, to] = bucket_of(index);
    sum_from += Wide(from) * count, squares_from += Wide(from) * Wide(from) * count;
    sum_to += Wide(to) * count, squares_to += Wide(to) * Wide(to) * count;
    if (first > index) first = index;
    last = index;
    return true;
  });
  return index_of(min_) == first && index_of(max_) == last && sum_ >= sum_from && sum_ <= sum_to &&
         squares_ >= squares_from && squares_ <= squares_to && __int128(deviations()) >= 0;
}

}  // namespace utakata::load
