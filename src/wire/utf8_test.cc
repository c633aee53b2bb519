#include "wire/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace utakata::wire {
namespace {

// Written without this class: the definition of RFC 3629, by code point.
std::string encoded(std::uint32_t c) {
  if (c < 0x80) return {char(c)};
  if (c < 0x800) return {char(0xc0 | c >> 6), char(0x80 | (c & 63))};
  if (c < 0x10000) return {char(0xe0 | c >> 12), char(0x80 | (c >> 6 & 63)), char(0x80 | (c & 63))};
  return {char(0xf0 | c >> 18), char(0x80 | (c >> 12 & 63)), char(0x80 | (c >> 6 & 63)),
          char(0x80 | (c & 63))};
}

TEST(Utf8, every_code_point_then_only_surrogates_and_too_large_ones_are_refused) {
  for (std::uint32_t c = 0; c < 0x120000; ++c)
    ASSERT_EQ(is_utf8(encoded(c)), (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff) << std::hex << c;
}

TEST(Utf8, longer_than_needed_then_refused) {
  for (const std::string overlong :
       {"\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\xaf",
        "\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(overlong));
}

TEST(Utf8, stray_bytes_then_refused) {
  for (const std::string stray : {"\x80", "\xbf", "a\x80", "\xc2", "\xc2g", "\xe2\x82", "\xe2\x82g",
                                  "\xf0\x9f\x98", "\xff", "\xfe", "12345678\xff", "1234567\xc3"})
    EXPECT_FALSE(is_utf8(stray)) << stray;
}

TEST(Utf8, any_two_pieces_then_the_same_answer) {
  const std::string text =
      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 and sixteen bytes of ASCII \xed\x9f\xbf!";
  ASSERT_TRUE(is_utf8(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Check check;
    EXPECT_TRUE(check.feed(std::string_view(text).substr(0, cut)));
    EXPECT_EQ(check.is_complete(), is_utf8(text.substr(0, cut))) << cut;
    EXPECT_TRUE(check.feed(std::string_view(text).substr(cut)));
    EXPECT_TRUE(check.is_complete());
  }
}

TEST(Utf8, what_can_never_become_valid_then_false_at_that_byte) {
  Utf8Check check;
  EXPECT_TRUE(check.feed("\xed"));
  EXPECT_FALSE(check.feed("\xa0"));  // a surrogate begins: the third byte need not be waited for
  EXPECT_FALSE(check.feed("a"));
  EXPECT_FALSE(check.is_complete());
  check.reset();
  EXPECT_TRUE(check.feed("a"));
}

}  // namespace
}  // namespace utakata::wire
