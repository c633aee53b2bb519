// Foreign text, fit to be shown: names and words of scenarios and servers are anybody's. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace utakata::load {

// Of control characters, what turns the direction of writing, and what is no UTF-8, only a space or
// U+FFFD is left: such text moves no cursor, and is valid in XML, HTML and JSON.
std::string harmless(std::string_view text);
// The same, with `&`, `<`, `>`, `"` and `'` as entities: for text and attributes of XML and HTML.
std::string escaped(std::string_view text);

// Columns of a terminal: an ideograph takes two, a combining mark none. Of harmless text.
std::size_t columns(std::string_view text);
// Cut to so many columns (with `…` where it was longer), and filled up with spaces.
std::string at_left(std::string_view text, std::size_t width);
std::string at_right(std::string_view text, std::size_t width);
std::string cut(std::string_view text, std::size_t width);
// In lines of at most so many columns, broken at spaces; a word that is longer stands alone.
// Each but the first begins with `indent` spaces; none ends with a line break.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace utakata::load
