// Text for people: tables, colours, and what keeps foreign text from driving the terminal.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

struct Style {
  bool has_colour = false;
  int width = 0;  // lines are cut there; 0: never
};
Style style_of(std::FILE* stream);  // a terminal: its width, and colours unless NO_COLOR is set

enum class Colour : std::uint8_t { none, good, warn, bad, dim };
std::string coloured(std::string_view text, Colour colour, const Style& style);

// Control characters become spaces.
std::string printable(std::string_view text);

struct Cell {
  std::string text;
  Colour colour = Colour::none;
};

class Table {
 public:
  // A heading that ends with `>` stands at the right, as numbers do.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<Cell> row);
  bool is_empty() const { return rows_.empty(); }
  std::string to_text(const Style& style) const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> is_right_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace utakata
