#include "fleet/stack/expression_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace utakata {
namespace {

using Kind = ExpressionToken::Kind;
using Op = Expression::Op;

// Not <cctype>: hostile bytes and the locale must have no say.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == ':'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Symbol {
  std::string_view text;
  Kind kind;
  Op op;
};
constexpr std::array<Symbol, 17> symbols = {
    {{"<=", Kind::operation, Op::less_equal},  // longest first
     {">=", Kind::operation, Op::greater_equal},
     {"==", Kind::operation, Op::equal},
     {"!=", Kind::operation, Op::not_equal},
     {"&&", Kind::operation, Op::logical_and},
     {"||", Kind::operation, Op::logical_or},
     {"<", Kind::operation, Op::less},
     {">", Kind::operation, Op::greater},
     {"!", Kind::operation, Op::logical_not},
     {"+", Kind::operation, Op::add},
     {"*", Kind::operation, Op::multiply},
     {"/", Kind::operation, Op::divide},
     {"-", Kind::minus, Op::subtract},
     {"(", Kind::left, {}},
     {")", Kind::right, {}},
     {"and", Kind::operation, Op::logical_and},
     {"or", Kind::operation, Op::logical_or}}};

struct Habit {  // what people write who come from another language
  std::string_view text, remedy;
};
constexpr std::array<Habit, 8> habits = {
    {{"=>", "`=>` is not known: write >= for at least"},
     {"=<", "`=<` is not known: write <= for at most"},
     {"=", "`=` is not known: write == to compare"},
     {"&", "`&` is not known: write and"},
     {"|", "`|` is not known: write or"},
     {"%", "a percent sign means nothing in a condition: write 0.3 for 30 %"},
     {",",
      "a comma means nothing in a condition: write 1240 for one thousand two hundred and forty"},
     {"^", "powers are not known: multiply instead"}}};

ExpressionToken wrong(std::string_view text, std::size_t at, std::size_t length,
                      std::string mistake) {
  return {.kind = Kind::wrong,
          .at = at,
          .text = text.substr(at, length),
          .mistake = std::move(mistake)};
}

ExpressionToken number_token(std::string_view text, std::size_t at) {
  double number = 0;
  const char* first = text.data() + at;
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), number);
  const std::size_t length = std::size_t(end - first);
  if (error == std::errc::result_out_of_range)
    return wrong(text, at, length, "this number is too large or too small to compute with");
  if (error != std::errc{}) return wrong(text, at, 1, "a number begins with a digit: write 0.5");
  if (at + length < text.size() && is_name(text[at + length]))
    return wrong(text, at + length, 1,
                 fmt::format("numbers are plain, without a unit: write {}", number));
  return {.kind = Kind::number, .at = at, .text = text.substr(at, length), .number = number};
}

ExpressionToken word_token(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  while (at + length < text.size() && is_name(text[at + length])) ++length;
  const std::string_view word = text.substr(at, length);
  if (word.back() == '.' || word.back() == ':' || word.find("..") != word.npos)
    return wrong(text, at, length, "a metric's name neither ends in a dot nor has two in a row");
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (lower == "not")
    return {.kind = Kind::operation, .at = at, .text = word, .op = Op::logical_not};
  const auto symbol = std::ranges::find(symbols, lower, &Symbol::text);
  if (symbol != symbols.end())
    return {.kind = symbol->kind, .at = at, .text = word, .op = symbol->op};
  return {.kind = Kind::word, .at = at, .text = word};
}

ExpressionToken symbol_token(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const auto begins = [&](const auto& entry) { return rest.starts_with(entry.text); };
  if (const auto symbol = std::ranges::find_if(symbols, begins); symbol != symbols.end())
    return {.kind = symbol->kind,
            .at = at,
            .text = rest.substr(0, symbol->text.size()),
            .op = symbol->op};
  if (const auto habit = std::ranges::find_if(habits, begins); habit != habits.end())
    return wrong(text, at, habit->text.size(), std::string(habit->remedy));
  if (rest[0] >= ' ' && rest[0] <= '~')
    return wrong(text, at, 1, fmt::format("`{}` means nothing in a condition", rest[0]));
  return wrong(text, at, 1, "a condition is written in plain letters, digits and signs");
}

}  // namespace

ExpressionToken next_expression_token(std::string_view text, std::size_t from) {
  std::size_t at = from;
  while (at < text.size() && is_blank(text[at])) ++at;
  if (at == text.size()) return {.kind = Kind::end, .at = at};
  if (is_digit(text[at]) || text[at] == '.') return number_token(text, at);
  if (is_letter(text[at])) return word_token(text, at);
  return symbol_token(text, at);
}

}  // namespace utakata
