// A chart of a simulated day as HTML: an SVG that stretches to any width, with its labels beside it
// in HTML so that they keep their size on a phone. No script. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/instant.h"

namespace utakata {

// The time axis that all charts and lanes of a page share.
struct ChartAxis {
  Duration length{};                  // more than nothing
  double percent(Duration at) const;  // 0 to 100, also for what lies outside
};

struct ChartSeries {
  // steps: the value holds until the next. line: straight to the next. bars: counted since the
  // sample before. area: a line that is filled below.
  enum class Shape { steps, line, bars, area };
  std::string name;
  const char* colour;  // a class of the page's CSS: "blue", "orange", "green", "red", "dashed"
  Shape shape = Shape::line;
  std::vector<double> values;  // one for each of the chart's times
};

struct Chart {
  std::string title;
  std::vector<Duration> at;  // in order
  std::vector<ChartSeries> series;
  std::vector<Duration> faults;  // drawn as lines from top to bottom
  std::string if_nothing{};      // said instead of a chart in which every value is 0
};

std::string chart_html(const Chart& chart, const ChartAxis& axis);
std::string axis_html(const ChartAxis& axis);  // the row of times below a chart, h:mm

}  // namespace utakata
