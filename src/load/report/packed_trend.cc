#include "load/report/packed_trend.h"

#include <type_traits>

#include "base/check.h"

namespace utakata::load {

Expected<PackedTrend> PackedTrend::from(std::string_view text) {
  const auto trend = Histogram::decode(text);
  if (!trend) return std::unexpected(trend.error());
  return PackedTrend(*trend);  // written anew: one trend has one text
}

Trend PackedTrend::unpacked() const {
  auto trend = Histogram::decode(text_);
  check(trend.has_value(), "what a trend was packed as can be read again");
  return std::move(*trend);
}

PackedValue packed(const MetricValue& value) {
  if (const auto* trend = std::get_if<Trend>(&value)) return PackedTrend(*trend);
  if (const auto* counter = std::get_if<Counter>(&value)) return *counter;
  if (const auto* rate = std::get_if<Rate>(&value)) return *rate;
  return std::get<Gauge>(value);
}

MetricValue unpacked(const PackedValue& value) {
  if (const auto* trend = std::get_if<PackedTrend>(&value)) return trend->unpacked();
  if (const auto* counter = std::get_if<Counter>(&value)) return *counter;
  if (const auto* rate = std::get_if<Rate>(&value)) return *rate;
  return std::get<Gauge>(value);
}

MetricKind kind_of(const PackedValue& value) { return MetricKind(value.index()); }

std::size_t bytes_of(const PackedValue& value) {
  const auto* trend = std::get_if<PackedTrend>(&value);
  return sizeof value + (trend == nullptr ? 0 : trend->text().size());
}

}  // namespace utakata::load
