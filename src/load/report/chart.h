// A chart as HTML: an inline SVG that stretches with the page, labels beside it, and columns which
// show their values under the pointer, by style sheet alone. Pure. The page has its styles
// (html.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/instant.h"

namespace utakata::load {

enum class ChartUnit : std::uint8_t { number, microseconds, per_second, bytes_per_second, share };
std::string words_of(double value, ChartUnit unit);

struct ChartLine {
  std::string name;            // as it comes: it is escaped here
  std::string colour;          // a class of the style sheet: "c1" to "c8"
  std::vector<double> values;  // one for each x; NaN: there is none, the line has a gap
};

struct ChartTick {
  double x = 0;  // as in Chart
  std::string words;
};

struct Chart {
  std::string title;
  std::string if_nothing;  // what is said where no line has a value; "": there is no chart then
  ChartUnit unit = ChartUnit::number;
  std::vector<double> x;             // 0 to 1, rising
  std::vector<std::string> x_words;  // what each is, for who points at it
  std::vector<ChartTick> ticks;
  std::vector<ChartLine> lines;
  bool is_logarithmic = false;  // its height; values must be above 0 then
  bool is_maximum_told = true;  // in the legend, of each line
};

// "" where nothing is to be shown. At most 120 columns have values to show.
std::string chart_html(const Chart& chart);

// For axes of time from 0 to `length`: 4 to 8 of them.
std::vector<ChartTick> time_ticks(Duration length);

}  // namespace utakata::load
