#include "sim/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/html.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

// The SVG's own coordinates: 1000 wide, 100 high, then stretched by the browser.
constexpr double kWide = 1000, kHigh = 100;
constexpr std::size_t kHoversMost = 1000;  // columns that show their values, a pixel each

struct Scale {  // of the values: from 0 to `top`, with a line at each `step`
  double step = 1, top = 1;
  double y(double value) const { return kHigh - kHigh * std::clamp(value / top, 0.0, 1.0); }
};

double sane(double value) { return std::isfinite(value) ? std::max(value, 0.0) : 0; }

double highest(const ChartSeries& series) {
  double most = 0;
  for (const double value : series.values) most = std::max(most, sane(value));
  return most;
}

// 1, 2 or 5 times a power of ten, so that two to four steps reach the highest value.
Scale scale_for(double most) {
  if (most <= 0) return {};
  double step = std::pow(10, std::floor(std::log10(most)) - 1);
  for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0})
    if (most / (step * factor) <= 4) {
      step *= factor;
      break;
    }
  if (most == std::floor(most)) step = std::max(step, 1.0);  // there is no half instance
  return {step, step * std::ceil(most / step - 1e-9)};
}

std::string coordinate(double value) { return fmt::format("{:g}", std::round(value * 10) / 10); }

std::string value_text(double value) {
  if (value > 1e15) return fmt::format("{:g}", value);
  return value == std::floor(value) ? thousands(std::int64_t(value)) : fmt::format("{:.2f}", value);
}

std::string short_text(double value) {  // for an axis: "20k"
  if (value >= 1e6) return fmt::format("{:g}M", value / 1e6);
  return value >= 1e4 ? fmt::format("{:g}k", value / 1e3) : fmt::format("{:g}", value);
}

double x_of(Duration at, const ChartAxis& axis) { return axis.percent(at) * kWide / 100; }

// Steps and bars change height at an edge: a level that does not change needs no corner.
std::string edges(const Chart& chart, const ChartSeries& series, const ChartAxis& axis,
                  const Scale& scale) {
  const bool is_bars = series.shape == ChartSeries::Shape::bars;
  std::string path = "M" + coordinate(x_of(chart.at.front(), axis));
  std::string y_last = coordinate(is_bars ? kHigh : scale.y(sane(series.values.front())));
  path += " " + y_last;
  Duration edge = chart.at.front();  // where the level of sample i begins
  for (std::size_t i = 1; i < chart.at.size(); ++i) {
    if (!is_bars) edge = chart.at[i];
    if (const auto y = coordinate(scale.y(sane(series.values[i]))); y != y_last) {
      path += "H" + coordinate(x_of(edge, axis)) + "V" + y;
      y_last = y;
    }
    edge = chart.at[i];
  }
  path += "H" + coordinate(x_of(chart.at.back(), axis));
  return is_bars ? path + "V" + coordinate(kHigh) + "Z" : path;
}

std::string slopes(const Chart& chart, const ChartSeries& series, const ChartAxis& axis,
                   const Scale& scale) {
  std::string path;
  for (std::size_t i = 0; i < chart.at.size(); ++i)
    path += fmt::format("{}{} {}", i == 0 ? "M" : "L", coordinate(x_of(chart.at[i], axis)),
                        coordinate(scale.y(sane(series.values[i]))));
  if (series.shape == ChartSeries::Shape::area)
    path += fmt::format("V{0}H{1}Z", coordinate(kHigh), coordinate(x_of(chart.at.front(), axis)));
  return path;
}

std::string series_svg(const Chart& chart, const ChartSeries& series, const ChartAxis& axis,
                       const Scale& scale) {
  using Shape = ChartSeries::Shape;
  const bool has_edges = series.shape == Shape::steps || series.shape == Shape::bars;
  const bool is_filled = series.shape == Shape::bars || series.shape == Shape::area;
  return fmt::format(
      "<path class=\"{} {}\" d=\"{}\"/>\n", is_filled ? "fill" : "line", series.colour,
      has_edges ? edges(chart, series, axis, scale) : slopes(chart, series, axis, scale));
}

// Invisible columns whose titles tell the values at their time: from a sample to the next; where it
// counts what came since the one before, from that.
std::string hovers_svg(const Chart& chart, const ChartAxis& axis) {
  std::string out;
  const bool is_bars = chart.series.front().shape == ChartSeries::Shape::bars;
  const std::size_t count = chart.at.size(), stride = (count + kHoversMost - 1) / kHoversMost;
  for (std::size_t i = 0; i < count; i += stride) {
    const std::size_t from = !is_bars ? i : i - std::min(i, stride);
    const std::size_t to = is_bars ? i : std::min(count - 1, i + stride);
    const double x = x_of(chart.at[from], axis);
    const double width = std::max(1.0, x_of(chart.at[to], axis) - x);
    out +=
        fmt::format("<rect class=\"at\" x=\"{}\" width=\"{}\" height=\"{}\"><title>{}",
                    coordinate(x), coordinate(width), kHigh, clock_text_with_seconds(chart.at[i]));
    for (const ChartSeries& series : chart.series)
      out += fmt::format(" · {} {}", html_text(series.name), value_text(sane(series.values[i])));
    out += "</title></rect>\n";
  }
  return out;
}

std::string legend_html(const Chart& chart) {
  std::string out;
  for (const ChartSeries& series : chart.series)
    out += fmt::format("<span><b class=\"swatch {}\"></b>{} <small>at most {}</small></span>\n",
                       series.colour, html_text(series.name), value_text(highest(series)));
  return out;
}

std::string plot_html(const Chart& chart, const ChartAxis& axis, const Scale& scale) {
  std::string labels, svg;
  for (double value = 0; value <= scale.top * 1.001; value += scale.step) {
    const std::string y = coordinate(scale.y(value));
    labels += fmt::format("<span style=\"top:{}%\">{}</span>", y, short_text(value));
    svg += fmt::format("<path class=\"grid\" d=\"M0 {}H{}\"/>\n", y, kWide);
  }
  for (const Duration at : chart.faults)
    svg +=
        fmt::format("<path class=\"fault\" d=\"M{} 0V{}\"/>\n", coordinate(x_of(at, axis)), kHigh);
  for (const ChartSeries& series : chart.series) svg += series_svg(chart, series, axis, scale);
  return fmt::format(
      "<div class=\"plot\"><div class=\"ticks\">{}</div>\n"
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n"
      "{}{}</svg></div>\n",
      labels, kWide, kHigh, html_text(chart.title), svg, hovers_svg(chart, axis));
}

}  // namespace

double ChartAxis::percent(Duration at) const {
  return std::clamp(100 * to_seconds(at) / to_seconds(length), 0.0, 100.0);
}

std::string axis_html(const ChartAxis& axis) {
  constexpr std::array<int, 12> minutes = {1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440};
  constexpr int kLabelsMost = 6;  // as many as a phone has room for
  Duration step = 24h * std::max<std::int64_t>(1, axis.length / 24h / kLabelsMost + 1);
  for (const int each : minutes)
    if (axis.length / kLabelsMost <= std::chrono::minutes{each}) {
      step = std::chrono::minutes{each};
      break;
    }
  std::string out = "<div class=\"axis\">";
  for (Duration at{}; at <= axis.length; at += step)
    out += fmt::format("<span style=\"left:{:.4g}%\">{}</span>", axis.percent(at), clock_text(at));
  return out + "</div>\n";
}

std::string chart_html(const Chart& chart, const ChartAxis& axis) {
  double most = 0;
  for (const ChartSeries& series : chart.series) most = std::max(most, highest(series));
  const std::string title = html_text(chart.title);
  if (chart.at.empty() || (most == 0 && !chart.if_nothing.empty()))
    return fmt::format("<p class=\"nothing\"><b>{}</b>: {}</p>\n", title,
                       html_text(chart.at.empty() ? "no samples" : chart.if_nothing));
  return fmt::format("<figure><figcaption><b>{}</b>\n{}</figcaption>\n{}{}</figure>\n", title,
                     legend_html(chart), plot_html(chart, axis, scale_for(most)), axis_html(axis));
}

}  // namespace utakata
