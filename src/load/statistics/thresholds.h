// What a run must reach: k6's expressions such as `p(95)<500`, `rate<0.01` or `count>100`, each for
// a metric, or for its series with certain tags (`http_req_duration{status:200}`). Pure.
//
// What may be asked: of a counter `count` (its sum) and `rate` (a second); of a rate `rate`, 0 to
// 1; of a trend `avg`, `min`, `med`, `max`, `p(N)` and `count`; of a gauge `value` (the last),
// `min` and `max`. A plain number is milliseconds where the metric is a trend; `us`, `ms` and `s`
// may stand behind it. Unlike in k6 a rate or trend of which nothing was measured has failed:
// silence proves nothing. Of a counter it is 0, whatever the tags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "load/statistics/metrics.h"
#include "load/statistics/series_name.h"

namespace utakata::load {

struct Threshold {
  enum class Aggregation : std::uint8_t { count, rate, value, avg, min, med, max, percentile };
  enum class Comparison : std::uint8_t { below, at_most, above, at_least, equal, unequal };

  SeriesName of;           // all series of that metric that have these tags
  std::string metric;      // as it was written
  std::string expression;  // likewise
  Aggregation aggregation = Aggregation::avg;
  double percent = 0;  // of percentile
  Comparison comparison = Comparison::below;
  double limit = 0;         // in milliseconds where it has a unit, or the metric is a trend
  bool has_unit = false;    // of time
  bool aborts_run = false;  // as soon as it is not kept
  bool operator==(const Threshold&) const = default;
};

// `invalid`: not understood; says where, and what to write.
Expected<Threshold> threshold_from(std::string_view metric, std::string_view expression);

std::string word_of(const Threshold& threshold);             // its aggregation, such as "p(95)"
std::string_view sign_of(Threshold::Comparison comparison);  // "<"

// Can it be measured with these metrics? `not_found`: there is no such metric; names the nearest.
// `invalid`: its kind has no such aggregation, or no time.
Expected<void> fits(const Threshold& threshold, const MetricKinds& known);

struct Verdict {
  bool is_kept = false;
  std::optional<double> measured;  // in milliseconds where the metric is a trend; none: nothing was
  std::string because;             // "p(95) of `echo` is 812.4 ms, not < 500 ms."
};
// Of a threshold that fits. `elapsed`: since the run began; a counter's rate is over it. A run
// must not be aborted for what is not measured yet. O(series).
Verdict judge(const Threshold& threshold, const Metrics& metrics, Duration elapsed);

}  // namespace utakata::load
