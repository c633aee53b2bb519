#include "load/view/view_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "load/report/text_cells.h"

namespace utakata::load {

ViewLine& ViewLine::add(std::string_view words, Tone tone) {
  constexpr std::array codes = {"", "32", "31", "33", "1", "2"};
  const bool is_gap = words.find_first_not_of(' ') == words.npos;  // nothing is lost of it
  const std::string shown =
      is_gap ? std::string(std::min(words.size(), left_), ' ') : cut(harmless(words), left_);
  left_ -= std::min(left_, load::columns(shown));
  if (size_.has_colour && tone != Tone::plain && !shown.empty())
    text_ += fmt::format("\033[{}m{}\033[0m", codes[std::size_t(tone)], shown);
  else
    text_ += shown;
  return *this;
}

ViewLine& ViewLine::cell(std::string_view words, std::size_t width, Tone tone) {
  return add(at_left(harmless(words), std::min(width, left_)), tone);
}

ViewLine& ViewLine::figure(std::string_view words, std::size_t width, Tone tone) {
  return add(at_right(harmless(words), std::min(width, left_)), tone);
}

std::vector<ViewLine> fitted(std::vector<ViewLine> lines, std::size_t rows) {
  while (lines.size() > rows) {
    auto least = lines.begin();  // of the highest rank, the last
    for (auto at = lines.begin(); at != lines.end(); ++at)
      if (at->rank() >= least->rank()) least = at;
    lines.erase(least);
  }
  return lines;
}

std::string sparkline(std::span<const double> values, std::size_t width) {
  constexpr std::array letters = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (values.size() > width) values = values.last(width);
  const double most = values.empty() ? 0 : *std::ranges::max_element(values);
  if (!(most > 0)) return {};
  std::string text;
  for (const double value : values) {
    const double part = std::clamp(value / most, 0.0, 1.0);
    text += letters[std::min<std::size_t>(7, std::size_t(std::lround(part * 7)))];
  }
  return text;
}

}  // namespace utakata::load
