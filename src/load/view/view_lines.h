// Lines of a terminal that are cut where it ends, in parts of different tones. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace utakata::load {

enum class Tone : std::uint8_t { plain, good, bad, warn, bold, dim };

struct ViewSize {
  std::size_t columns = 80, rows = 24;
  bool has_colour = false;
};

// What is shown where not all lines find room: lower ranks first.
enum class Rank : std::uint8_t { head, warning, figures, trouble, verdicts, parts, rest };

class ViewLine {
 public:
  ViewLine(const ViewSize& size, Rank rank) : size_(size), left_(size.columns), rank_(rank) {}

  // Foreign words, too: they are made harmless() and cut where the line is full.
  ViewLine& add(std::string_view words, Tone tone = Tone::plain);
  ViewLine& cell(std::string_view words, std::size_t width,
                 Tone tone = Tone::plain);  // at its left
  ViewLine& figure(std::string_view words, std::size_t width,
                   Tone tone = Tone::plain);  // its right

  const std::string& text() const { return text_; }
  std::size_t columns() const { return size_.columns - left_; }  // that it takes
  std::size_t left() const { return left_; }
  Rank rank() const { return rank_; }

 private:
  ViewSize size_;
  std::size_t left_;
  Rank rank_;
  std::string text_;
};

// Without those that find no room in so many rows; their order stays.
std::vector<ViewLine> fitted(std::vector<ViewLine> lines, std::size_t rows);

// The last `width` values at most, each a letter of eighths: "▁▂▄█". The highest is full, 0 is the
// lowest letter. Nothing: no values, or all are 0.
std::string sparkline(std::span<const double> values, std::size_t width);

}  // namespace utakata::load
