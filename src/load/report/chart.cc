#include "load/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "load/report/figures.h"
#include "load/report/text_cells.h"

namespace utakata::load {
namespace {

// The SVG's own coordinates: stretched by the browser, whose lines stay as thin as they are.
constexpr double wide = 1000, high = 100;
constexpr std::size_t columns_max = 120;

struct Scale {
  double from = 0, to = 1;
  bool is_logarithmic = false;
  std::vector<double> steps{};

  double y(double value) const {
    const double part = is_logarithmic ? std::log(value / from) / std::log(to / from)
                                       : (value - from) / (to - from);
    return high * (1 - std::clamp(part, 0.0, 1.0));
  }
};

struct Extent {
  double least = INFINITY, most = -INFINITY;
  bool is_whole = true;
  bool is_empty() const { return !(least <= most); }
};

Extent extent_of(const Chart& chart) {
  Extent extent;
  for (const ChartLine& line : chart.lines)
    for (const double value : line.values)
      if (std::isfinite(value)) {
        extent.least = std::min(extent.least, value);
        extent.most = std::max(extent.most, value);
        extent.is_whole = extent.is_whole && value == std::floor(value);
      }
  return extent;
}

// From 0 (or below, where values are) in two to five steps of 1, 2 or 5 times a power of ten.
Scale even_scale(Extent extent, ChartUnit unit) {
  const double least = std::min(0.0, extent.least), most = std::max(0.0, extent.most);
  if (most - least <= 0) return {0, 1, false, {0, 1}};
  double step = std::pow(10, std::floor(std::log10(most - least)) - 1);
  for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0})
    if ((most - least) / (step * factor) <= 5) {
      step *= factor;
      break;
    }
  if (unit == ChartUnit::number && extent.is_whole) step = std::max(step, 1.0);  // no half user
  Scale scale{step * std::floor(least / step + 1e-9), step * std::ceil(most / step - 1e-9), false};
  // A share of 99.8 % needs no room above 100 %.
  if (unit == ChartUnit::share) scale.to = std::min(scale.to, std::max(1.0, most));
  for (double at = scale.from; at <= scale.to + step / 1000 && scale.steps.size() < 20; at += step)
    scale.steps.push_back(at);
  return scale;
}

// By powers of ten, with 2 and 5 between where there are few.
Scale logarithmic_scale(Extent extent) {
  const double from = std::floor(std::log10(extent.least)), to = std::ceil(std::log10(extent.most));
  Scale scale{std::pow(10, from), std::pow(10, std::max(to, from + 1)), true};
  const std::array<double, 3> all = {1, 2, 5};
  for (double power = scale.from; power <= scale.to; power *= 10)
    for (const double factor : std::span(all).first(to - from > 3 ? 1 : 3))
      if (power * factor <= scale.to * 1.001) scale.steps.push_back(power * factor);
  return scale;
}

std::string coordinate(double value) { return fmt::format("{:g}", std::round(value * 10) / 10); }
std::string percent(double part) {
  return fmt::format("{:g}%", std::round(std::clamp(part, 0.0, 1.0) * 1e4) / 100);
}

std::string path_of(const ChartLine& line, const Chart& chart, const Scale& scale) {
  std::string path;
  bool is_drawn = false;
  const std::size_t count = std::min(line.values.size(), chart.x.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(line.values[i])) {
      is_drawn = false;
      continue;
    }
    path += fmt::format("{}{} {}", is_drawn ? "L" : "M", coordinate(chart.x[i] * wide),
                        coordinate(scale.y(line.values[i])));
    const bool is_alone = !is_drawn && (i + 1 == count || !std::isfinite(line.values[i + 1]));
    if (is_alone) path += "h0";  // with round ends: a dot
    is_drawn = true;
  }
  return fmt::format("<path class=\"line {}\" d=\"{}\"/>\n", line.colour, path);
}

// Of several samples that share a column the greatest is shown: peaks are what one looks for.
std::string column_words(const Chart& chart, std::size_t from, std::size_t to) {
  std::string text = escaped(chart.x_words[from]);
  for (const ChartLine& line : chart.lines) {
    double most = NAN;
    for (std::size_t i = from; i < std::min(to, line.values.size()); ++i)
      if (std::isfinite(line.values[i])) most = std::fmax(most, line.values[i]);
    if (std::isfinite(most))
      text += fmt::format("<br><s class=\"{}\"></s>{} {}", line.colour, escaped(line.name),
                          words_of(most, chart.unit));
  }
  return text;
}

std::string columns_html(const Chart& chart) {
  const std::size_t count = std::min(chart.x.size(), chart.x_words.size());
  if (count == 0) return "";
  const std::size_t stride = (count + columns_max - 1) / columns_max;
  std::string out = "<div class=\"hover\">";
  double left = 0;
  for (std::size_t from = 0; from < count; from += stride) {
    const std::size_t to = std::min(count, from + stride);
    const double right = to == count ? 1 : (chart.x[to - 1] + chart.x[to]) / 2;
    out += fmt::format("<i{} style=\"left:{};width:{}\"><b>{}</b></i>\n",
                       left > 0.5 ? " class=\"late\"" : "", percent(left), percent(right - left),
                       column_words(chart, from, to));
    left = right;
  }
  return out + "</div>";
}

std::string legend_html(const Chart& chart) {
  std::string out;
  for (const ChartLine& line : chart.lines) {
    const Extent extent = extent_of({.lines = {line}});
    if (extent.is_empty()) continue;
    out += fmt::format("<span><s class=\"{}\"></s>{}", line.colour, escaped(line.name));
    if (chart.is_maximum_told)
      out += fmt::format(" <small>max {}</small>", words_of(extent.most, chart.unit));
    out += "</span>\n";
  }
  return out;
}

std::string plot_html(const Chart& chart, const Scale& scale) {
  std::string labels, svg, axis;
  for (const double step : scale.steps) {
    const std::string y = coordinate(scale.y(step));
    labels += fmt::format("<span style=\"top:{}%\">{}</span>", y, words_of(step, chart.unit));
    svg += fmt::format("<path class=\"grid\" d=\"M0 {}H{}\"/>\n", y, wide);
  }
  for (const ChartTick& tick : chart.ticks)
    axis +=
        fmt::format("<span{} style=\"left:{}\">{}</span>", tick.x > 0.95 ? " class=\"end\"" : "",
                    percent(tick.x), escaped(tick.words));
  for (const ChartLine& line : chart.lines) svg += path_of(line, chart, scale);
  return fmt::format(
      "<div class=\"plot\"><div class=\"labels\">{}</div>\n"
      "<svg viewBox=\"0 0 {:g} {:g}\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"{}\">\n{}</svg>{}</div>\n<div class=\"axis\">{}</div>\n",
      labels, wide, high, escaped(chart.title), svg, columns_html(chart), axis);
}

}  // namespace

std::string words_of(double value, ChartUnit unit) {
  switch (unit) {
    case ChartUnit::number:
      return number_words(value);
    case ChartUnit::microseconds:
      return time_words(value);
    case ChartUnit::per_second:
      return per_second_words(value);
    case ChartUnit::bytes_per_second:
      return bytes_words(value) + "/s";
    case ChartUnit::share:
      return share_words(std::round(value * 1e6) / 1e6);
  }
  return "";
}

std::string chart_html(const Chart& chart) {
  const Extent extent = extent_of(chart);
  const bool is_flat = extent.is_empty() || (extent.least == 0 && extent.most == 0);
  if (is_flat && chart.if_nothing.empty()) return "";
  const std::string title = escaped(chart.title);
  if (is_flat)
    return fmt::format(
        "<figure><figcaption><b>{}</b></figcaption><p class=\"dim\">{}</p></figure>\n", title,
        escaped(chart.if_nothing));
  const Scale scale = chart.is_logarithmic && extent.least > 0 ? logarithmic_scale(extent)
                                                               : even_scale(extent, chart.unit);
  return fmt::format("<figure><figcaption><b>{}</b>\n{}</figcaption>\n{}</figure>\n", title,
                     legend_html(chart), plot_html(chart, scale));
}

std::vector<ChartTick> time_ticks(Duration length) {
  constexpr std::array<int, 17> seconds = {1,   2,   5,    10,   15,   30,    60,    120,  300,
                                           600, 900, 1800, 3600, 7200, 21600, 43200, 86400};
  constexpr double most = 7;
  if (length <= 0s) return {};
  Duration step = 24h * std::int64_t(1 + to_seconds(length) / most / 86'400);
  for (const int each : seconds)
    if (to_seconds(length) / each <= most) {
      step = std::chrono::seconds{each};
      break;
    }
  std::vector<ChartTick> ticks;
  for (Duration at{}; at <= length; at += step)
    ticks.push_back({to_seconds(at) / to_seconds(length), clock_words(at)});
  return ticks;
}

}  // namespace utakata::load
