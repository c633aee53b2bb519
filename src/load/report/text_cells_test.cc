#include "load/report/text_cells.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "wire/utf8.h"

namespace utakata::load {
namespace {

TEST(TextCells, what_drives_terminals_or_breaks_documents_is_taken_out) {
  const std::pair<std::string, std::string> rows[] = {
      {"plain 泡沫 é", "plain 泡沫 é"},
      {"\033[31mred\a\r\n", " [31mred   "},
      {"\xc2\x9b"
       "31m",
       " 31m"},  // a control of one byte, in UTF-8
      {"a\xe2\x80\xae"
       "b",
       "a b"},                                     // turns the direction
      {"\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd("},  // no UTF-8
      {"\xef\xbf\xbf", "\xef\xbf\xbd"},            // U+FFFF is in no XML
  };
  for (const auto& [text, shown] : rows) EXPECT_EQ(harmless(text), shown);
  EXPECT_EQ(escaped("<a href=\"x\">'&\n"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp; ");
}

TEST(TextCells, whatever_comes_is_valid_afterwards_and_stays_as_it_is) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string shown = harmless(text);
    RC_ASSERT(wire::is_utf8(shown));
    RC_ASSERT(std::ranges::none_of(shown, [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    RC_ASSERT(harmless(shown) == shown);
    RC_ASSERT(escaped(text).find_first_of("<>\"'") == std::string::npos);
  }));
}

TEST(TextCells, cells_are_as_wide_as_they_are_to_be) {
  EXPECT_EQ(columns("泡沫"), 4u);
  EXPECT_EQ(columns("e\xcc\x81"), 1u) << "a letter and its accent";
  EXPECT_EQ(at_left("ab", 4), "ab  ");
  EXPECT_EQ(at_right("ab", 4), "  ab");
  EXPECT_EQ(at_left("abcdef", 4), "abc…");
  EXPECT_EQ(at_left("泡沫泡沫", 4), "泡… ") << "half an ideograph is none";
  EXPECT_EQ(at_left("x", 0), "");
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const auto width = *rc::gen::inRange<std::size_t>(0, 30);
    RC_ASSERT(columns(at_left(harmless(text), width)) == width);
  }));
}

TEST(TextCells, long_lines_are_broken_at_spaces) {
  EXPECT_EQ(wrapped("one two three four", 9, 2), "one two\n  three\n  four");
  EXPECT_EQ(wrapped("enormously long", 5, 0), "enormously\nlong");
  EXPECT_EQ(wrapped("", 5, 2), "");
}

}  // namespace
}  // namespace utakata::load
