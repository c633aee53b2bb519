// When users arrive in an open model, however slow the tested servers are. Pure: times are since
// the start.
//
// The rate goes in straight lines. The k-th arrival (from 0) is when the integral of the rate
// reaches k + 1, rounded to the nearest nanosecond: 50/s gives 20 ms, 40 ms and so on, and until
// any t there were floor(integral until t) arrivals, the half nanosecond of that rounding apart.
// Nothing adds up to an error over the hours: the integral at the ends of stages is kept as a whole
// number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/instant.h"
#include "load/pacing/part.h"

namespace utakata::load {

struct ArrivalStage {
  Duration duration{};
  double from = 0, to = 0;  // arrivals a second, at its begin and end; the same: constant
  bool operator==(const ArrivalStage&) const = default;
};

struct Arrival {
  std::int64_t k = 0;  // its number among all workers' arrivals
  Duration at{};       // as it was meant, since the start
  bool operator==(const Arrival&) const = default;
};

class Arrivals {
 public:
  static constexpr double rate_max = 1e6;           // a second
  static constexpr Duration length_max = 24h * 30;  // of all stages together

  // Rates are 0 to rate_max, durations not negative; rates are kept to a millionth of one an hour.
  explicit Arrivals(const std::vector<ArrivalStage>& stages, Part part = {});

  std::optional<Arrival> next();  // of this part, in order; nothing: all have come. O(1)
  void skip(Duration t);          // next() gives none that came until t
  // Of all workers:
  std::int64_t total() const { return total_; }
  Duration at(std::int64_t k) const;     // k < total(); O(log stages)
  std::int64_t until(Duration t) const;  // how many arrive at t or before; O(log of all)
  Duration end() const { return ends_at_; }

 private:
  using Wide = __int128;
  // Of one arrival; an area is (millionths of one an hour) x ns x 2.
  static constexpr Wide arrival_area = Wide{2} * 1'000'000 * 3'600'000'000'000;

  struct Stage {
    Duration begin{}, duration{};
    std::int64_t from = 0, to = 0;         // millionths of one an hour
    Wide area_before = 0, area_until = 0;  // from the start to its begin, to its end
  };
  static Duration at_in(const Stage& stage, std::int64_t k);

  std::vector<Stage> stages_;
  Part part_;
  std::int64_t total_ = 0;
  Duration ends_at_{};
  std::int64_t given_ = 0;  // by next()
  std::size_t stage_ = 0;   // of the next one, or before
};

}  // namespace utakata::load
