#include "cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace utakata {
namespace {

bool is_letter_start(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }
std::size_t width_of(std::string_view text) {
  return std::size_t(std::ranges::count_if(text, is_letter_start));
}

std::string cut(std::string_view text, std::size_t letters) {
  std::size_t seen = 0, end = 0;
  for (; end < text.size(); ++end)
    if (is_letter_start(text[end]) && seen++ == letters) break;
  return std::string(text.substr(0, end));
}

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::good:
      return "\033[32m";
    case Colour::warn:
      return "\033[33m";
    case Colour::bad:
      return "\033[31m";
    case Colour::dim:
      return "\033[2m";
  }
  return "";
}

}  // namespace

Style style_of(std::FILE* stream) {
  Style style;
  const int descriptor = fileno(stream);
  if (!isatty(descriptor)) return style;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  style.has_colour = !(no_colour && *no_colour) && terminal && std::string_view(terminal) != "dumb";
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) style.width = size.ws_col;
  return style;
}

std::string coloured(std::string_view text, Colour colour, const Style& style) {
  if (!style.has_colour || colour == Colour::none || text.empty()) return std::string(text);
  return code_of(colour) + std::string(text) + "\033[0m";
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (auto& heading : headings_) {
    is_right_.push_back(heading.ends_with('>'));
    if (is_right_.back()) heading.pop_back();
  }
}

void Table::add(std::vector<Cell> row) {
  row.resize(headings_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::to_text(const Style& style) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(width_of(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::string out;
  const auto line = [&](auto&& cell_at) {
    std::size_t left = style.width ? std::size_t(style.width) : std::string::npos;
    std::string text;
    for (std::size_t i = 0; i < headings_.size() && left > 0; ++i) {
      const Cell cell = cell_at(i);
      const bool is_last = i + 1 == headings_.size();
      const std::string spaces(widths[i] - width_of(cell.text), ' ');
      std::string shown = is_right_[i] ? spaces + cell.text
                          : is_last    ? cell.text
                                       : cell.text + spaces;
      if (width_of(shown) > left) shown = cut(shown, left);
      left -= width_of(shown);
      text += coloured(shown, cell.colour, style);
      const std::size_t gap = is_last ? 0 : std::min<std::size_t>(2, left);
      text.append(gap, ' ');
      left -= gap;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](std::size_t i) { return Cell{headings_[i], Colour::dim}; });
  for (const auto& row : rows_) line([&](std::size_t i) { return row[i]; });
  return out;
}

}  // namespace utakata
