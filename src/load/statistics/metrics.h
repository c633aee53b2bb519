// What is measured: named metrics, each with tags or without, that workers record and a parent adds
// up. Pure; one thread. A worker's take() goes as a line to its parent, whose add() makes of all
// lines what one Metrics would hold had it recorded everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/problem.h"
#include "load/statistics/histogram.h"
#include "load/statistics/series_name.h"

namespace utakata::load {

enum class MetricKind : std::uint8_t { counter, rate, trend, gauge };  // as those of k6
std::string_view to_text(MetricKind kind);

struct Counter {
  double sum = 0;  // exact while whole and below 2^53
  bool operator==(const Counter&) const = default;
};
struct Rate {
  std::uint64_t trues = 0, all = 0;
  double share() const { return all == 0 ? 0 : double(trues) / double(all); }
  bool operator==(const Rate&) const = default;
};
using Trend = Histogram;  // of microseconds
struct Gauge {
  double last = 0, min = 0, max = 0;
  std::uint64_t turn = 0;  // rises with each value set, of any gauge; 0: none was
  bool operator==(const Gauge&) const = default;
};
using MetricValue = std::variant<Counter, Rate, Trend, Gauge>;  // in the order of MetricKind
MetricKind kind_of(const MetricValue& value);

using MetricKinds = std::map<std::string, MetricKind, std::less<>>;  // of each name

// What one take() says of one series.
struct MetricNews {
  SeriesName name;
  MetricValue value;
};

// One series of one Metrics, for as long as that lives.
struct MetricId {
  static constexpr std::uint32_t nowhere = UINT32_MAX;  // the table was full
  std::uint32_t index = nowhere;
};

class Metrics {
 public:
  struct Series {
    SeriesName name;
    MetricValue value;  // since the last take()
    MetricId id;
    bool is_news = true;  // it came, or was recorded to, since the last take()
  };
  using AllSeries = std::map<std::string, Series, std::less<>>;  // by key

  explicit Metrics(std::size_t series_max = 10'000) : series_max_(series_max) {}
  Metrics(Metrics&&) = default;
  Metrics& operator=(Metrics&&) = default;

  // Once for each name and tags, then again and again to record. What finds no room is no failure:
  // it goes nowhere, and is counted as dropped. `invalid`: no name (series_name.h). `conflict`:
  // another series of that name is of another kind.
  Expected<MetricId> id(MetricKind kind, std::string_view metric, std::span<const Tag> tags = {});

  // O(1), without allocation but for a trend that meets a magnitude for the first time. The id must
  // be of that kind. Numbers that are none (NaN, infinite) are dropped, and counted so.
  void count(MetricId id, double by = 1);
  void rate(MetricId id, bool is_true);
  void trend(MetricId id, std::int64_t us);
  void gauge(MetricId id, double value);

  // All since the last take(), as one line of JSON without its end; series remain, empty. A series
  // is told once even if nothing was recorded to it, so that its name is known.
  std::string take();
  // All there is, as such a line; nothing is emptied.
  std::string line() const;
  // Adds what take() gave elsewhere: all of it, or (`invalid`, `conflict`) nothing. Lines of one
  // sender come in their order; the last value of a gauge is that of the line that came last.
  Expected<void> add(std::string_view line);

  const AllSeries& series() const { return series_; }
  const MetricKinds& kinds() const { return kinds_; }
  std::uint64_t dropped() const { return dropped_; }  // values; since the last take()
  // All series of that metric that have these tags, as one. Nothing: there are none. O(series).
  std::optional<MetricValue> total(std::string_view metric, std::span<const Tag> tags = {}) const;

 private:
  Expected<void> fits(std::span<const MetricNews> news) const;
  Expected<MetricId> id_of(MetricKind kind, SeriesName name);
  template <class Kind>
  Kind* at(MetricId id);  // null: it was dropped, and that is counted

  std::size_t series_max_;
  AllSeries series_;
  std::vector<Series*> by_id_;  // a map's values stay where they are
  MetricKinds kinds_;
  std::uint64_t dropped_ = 0, turn_ = 0;
};

// Adds `more` to `to`, which is of the same kind.
void merge(MetricValue& to, const MetricValue& more);

}  // namespace utakata::load
