#include "load/report/text_cells.h"

#include <algorithm>
#include <array>

#include "base/html.h"
#include "wire/utf8.h"

namespace utakata::load {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

struct Letter {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: what is there is no UTF-8
};

Letter letter_at(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < bytes || !wire::is_utf8(text.substr(0, bytes))) return {};
  char32_t code = first & (0xff >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return {code, bytes};
}

struct Range {
  char32_t from, to;
  bool holds(char32_t code) const { return from <= code && code <= to; }
};

template <std::size_t count>
bool is_in(const std::array<Range, count>& ranges, char32_t code) {
  return std::ranges::any_of(ranges, [code](const Range& range) { return range.holds(code); });
}

// Controls, line and paragraph separators, and what turns the direction.
constexpr std::array<Range, 5> moving = {
    {{0, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}}};
constexpr std::array<Range, 2> no_characters = {{{0xfdd0, 0xfdef}, {0xfffe, 0xffff}}};
constexpr std::array<Range, 4> narrow = {  // take no column
    {{0x0300, 0x036f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}}};
constexpr std::array<Range, 8> wide = {{{0x1100, 0x115f},
                                        {0x2e80, 0xa4cf},
                                        {0xac00, 0xd7a3},
                                        {0xf900, 0xfaff},
                                        {0xfe30, 0xfe6f},
                                        {0xff01, 0xff60},
                                        {0x1f300, 0x1faff},
                                        {0x20000, 0x3fffd}}};

std::size_t columns_of(char32_t code) {
  return is_in(narrow, code) ? 0 : is_in(wide, code) ? 2 : 1;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Letter letter = letter_at(text);
    const std::size_t bytes = std::max<std::size_t>(1, letter.bytes);
    if (letter.bytes == 0 || is_in(no_characters, letter.code))
      out += replacement;
    else if (is_in(moving, letter.code))
      out += ' ';
    else
      out += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out;
}

std::string escaped(std::string_view text) { return html_text(harmless(text)); }

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    const Letter letter = letter_at(text);
    sum += letter.bytes == 0 ? 1 : columns_of(letter.code);
    text.remove_prefix(std::max<std::size_t>(1, letter.bytes));
  }
  return sum;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t left = width; end < text.size();) {
    const Letter letter = letter_at(text.substr(end));
    const std::size_t taken = letter.bytes == 0 ? 1 : columns_of(letter.code);
    if (taken + 1 > left) break;  // one is for the dots
    left -= taken;
    end += std::max<std::size_t>(1, letter.bytes);
  }
  return std::string(text.substr(0, end)) + (width > 0 ? "…" : "");
}

std::string at_left(std::string_view text, std::size_t width) {
  std::string cell = cut(text, width);
  return cell + std::string(width - columns(cell), ' ');
}

std::string at_right(std::string_view text, std::size_t width) {
  const std::string cell = cut(text, width);
  return std::string(width - columns(cell), ' ') + cell;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    const std::size_t taken = columns(word);
    if (!out.empty() && used + 1 + taken > width) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++used;
    }
    out += word;
    used += taken;
  }
  return out;
}

}  // namespace utakata::load
