// How many people are there over time, as a simulated day wants it. Pure values.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"

namespace utakata {

// People who would be connected if everybody got in: straight lines between the points, the first
// one's value before it, the last one's after it.
struct LoadCurve {
  struct Point {
    Duration at{};  // since the beginning
    double connections = 0;
  };
  std::string name;
  std::vector<Point> points;        // rising in time, at least one
  std::optional<WallTime> began{};  // what a `time` column says of the beginning

  double at(Duration since) const;       // O(log points)
  double rise_at(Duration since) const;  // a second
  double highest() const;
  Duration length() const { return points.back().at; }
};

// "steady", "spike", "tv-show", "diurnal", stretched to `connections` at their highest and `length`
// from the first to the last point. steady: all of them, who come within the first tenth. spike: a
// tenth of them, all within a minute in the middle, then back within a quarter of the length.
// tv-show: a teaser of a tenth; in the second quarter, two thirds of the others in the last sixth
// of it; they stay to the last tenth and leave within it. diurnal: a day's wave, from a fifth at
// the beginning over the highest in the middle back to a fifth. Nothing: there is no such shape.
std::optional<LoadCurve> shape_of(std::string_view name, double connections, Duration length);

// CSV with a header: a column `connections`, and `seconds` since the beginning, or `time`
// (2026-12-31T20:00:00Z, or the same with a space and without Z: UTC). Other columns are passed
// over. A problem is a sentence with the line: no such column, not a number, a negative, times that
// do not rise, a gap of more than a day, nothing in it, more than a million rows.
std::expected<LoadCurve, std::string> read_load(std::string_view csv);

}  // namespace utakata
