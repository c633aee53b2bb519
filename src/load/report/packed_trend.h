// A trend at rest: some bytes for each bucket in use, instead of 4 KB for each magnitude, since a
// report keeps hundreds of points of a dozen trends. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "base/problem.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

class PackedTrend {
 public:
  PackedTrend() : PackedTrend(Trend{}) {}
  explicit PackedTrend(const Trend& trend) : text_(trend.encode()) {}
  // `invalid`: not what text() gives.
  static Expected<PackedTrend> from(std::string_view text);

  Trend unpacked() const;                            // to the last bit; some 10 us
  const std::string& text() const { return text_; }  // one word of base64
  bool operator==(const PackedTrend&) const = default;

 private:
  std::string text_;
};

using PackedValue = std::variant<Counter, Rate, PackedTrend, Gauge>;  // in the order of MetricKind
PackedValue packed(const MetricValue& value);
MetricValue unpacked(const PackedValue& value);
MetricKind kind_of(const PackedValue& value);
std::size_t bytes_of(const PackedValue& value);  // in memory, roughly

}  // namespace utakata::load
