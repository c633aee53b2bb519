#include "fleet/plan/spending.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace utakata {

void Spending::note(Instant now, int instances) {
  Duration left = is_begun_ ? now - since_ : Duration{0};
  // Beyond a day everything is forgotten anyway.
  left = std::min<Duration>(left, 48h);
  while (left > Duration{0}) {
    const Duration part = std::min<Duration>(left, 1h - slice_);
    seconds_[0] += to_seconds(part) * instances_;
    slice_ += part;
    left -= part;
    if (slice_ >= 1h) turn();
  }
  since_ = now;
  instances_ = instances;
  is_begun_ = true;
}

void Spending::turn() {
  std::ranges::rotate(seconds_, seconds_.end() - 1);
  seconds_[0] = 0;
  slice_ = Duration{0};
}

double Spending::hours() const {
  return std::accumulate(seconds_.begin(), seconds_.end(), 0.0) / 3600;
}

std::string Spending::text() const {
  std::string out = std::to_string(slice_ / 1s);
  for (const double seconds : seconds_) out += fmt::format(" {:.0f}", seconds);
  return out;
}

Spending Spending::from_text(std::string_view text) {
  Spending spending;
  std::array<double, 25> numbers{};
  const char *at = text.data(), *const end = at + text.size();
  for (double& number : numbers) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || !(number >= 0 && number < 1e12)) return {};
    at = next < end ? next + 1 : next;
  }
  spending.slice_ = std::min<Duration>(from_seconds(numbers[0]), 1h - 1s);
  std::copy(numbers.begin() + 1, numbers.end(), spending.seconds_.begin());
  return spending;
}

}  // namespace utakata
