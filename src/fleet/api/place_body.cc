#include "fleet/api/place_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "wire/utf8.h"

namespace utakata {
namespace {

// A reader of one flat JSON object (RFC 8259).
class BodyReader {
 public:
  BodyReader(std::string_view text, PlaceBody& into) : text_(text), into_(into) {}

  Expected<void> read() {
    skip_space();
    if (at_ == text_.size()) return {};
    if (!take('{')) return wrong("a JSON object must begin here");
    skip_space();
    if (!take('}')) {
      do {
        if (auto member = read_member(); !member) return member;
        skip_space();
      } while (take(','));
      if (!take('}')) return wrong("`,` or `}` must stand here");
    }
    skip_space();
    if (at_ != text_.size()) return wrong("nothing may follow the object");
    return {};
  }

 private:
  std::unexpected<Problem> wrong(std::string_view what) const { return wrong_at(at_, what); }
  std::unexpected<Problem> wrong_at(std::size_t at, std::string_view what) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto start = before.rfind('\n');
    const auto column = start == std::string_view::npos ? at + 1 : at - start;
    return problem(Problem::Kind::invalid,
                   fmt::format("The body is not a placement, at line {}, column {} (byte {}): {}{}",
                               line, column, at, what, what.ends_with('?') ? "" : "."));
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Expected<void> read_member() {
    skip_space();
    const std::size_t name_at = at_;
    auto name = read_string();
    if (!name) return std::unexpected(name.error());
    skip_space();
    if (!take(':')) return wrong("`:` must stand here");
    skip_space();
    const std::size_t value_at = at_;
    if (*name == "seats") return read_seats(value_at);
    if (*name == "hold") return read_hold(value_at);
    if (*name == "key") return read_text(into_.key, value_at, PlaceBody::kKeyBytes);
    if (*name == "line") return read_text(into_.line, value_at, 64);
    const std::string_view known[] = {"seats", "key", "hold", "line"};
    const auto close = nearest(*name, known);
    return wrong_at(name_at,
                    close ? fmt::format("there is no such member; did you mean `{}`?", *close)
                          : "there is no such member; known are seats, key, hold and line");
  }

  Expected<std::int64_t> read_integer(std::size_t at, std::string_view must) {
    std::int64_t number = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc{} || (*begin == '0' && end != begin + 1)) return wrong_at(at, must);
    at_ += std::size_t(end - begin);
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E'))
      return wrong_at(at, must);
    return number;
  }

  Expected<void> read_seats(std::size_t at) {
    constexpr std::string_view must = "`seats` must be a whole number from 1";
    const auto number = read_integer(at, must);
    if (!number) return std::unexpected(number.error());
    if (*number < 1 || *number > 1'000'000) return wrong_at(at, must);
    into_.seats = int(*number);
    return {};
  }

  Expected<void> read_hold(std::size_t at) {
    constexpr std::string_view must =
        "`hold` must be a time such as \"30s\", or milliseconds, from 1";
    if (take_word("null")) return {};
    if (at_ < text_.size() && text_[at_] == '"') {
      const auto text = read_string();
      if (!text) return std::unexpected(text.error());
      const auto hold = duration_from(*text);
      if (!hold || *hold < 1ms) return wrong_at(at, must);
      into_.hold = *hold;
      return {};
    }
    const auto number = read_integer(at, must);
    if (!number) return std::unexpected(number.error());
    if (*number < 1 || *number > 1'000'000'000'000) return wrong_at(at, must);
    into_.hold = std::chrono::milliseconds(*number);
    return {};
  }

  Expected<void> read_text(std::string_view& into, std::size_t at, std::size_t bytes_max) {
    if (take_word("null")) return {};
    const auto text = read_string();
    if (!text) return std::unexpected(text.error());
    if (text->size() > bytes_max)
      return wrong_at(at, fmt::format("at most {} bytes go here", bytes_max));
    into = *text;
    return {};
  }

  Expected<std::string_view> read_string() {
    if (!take('"')) return wrong("a text in double quotes must stand here");
    const std::size_t begin = at_;
    bool is_ascii = true;
    for (; at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        const std::string_view text = text_.substr(begin, at_ - begin);
        if (!is_ascii && !wire::is_utf8(text)) return wrong_at(begin, "the text is not UTF-8");
        ++at_;
        return text;
      }
      if (c == '\\') return read_escaped(begin);
      if (c < 0x20) return wrong("a control character must be escaped");
      is_ascii &= c < 0x80;
    }
    return wrong("the text does not end");
  }

  // Escapes make the text shorter, and each is unescaped once: what was reserved never moves.
  Expected<std::string_view> read_escaped(std::size_t begin) {
    std::string& out = into_.unescaped;
    if (out.capacity() < text_.size()) {
      if (!out.empty()) return wrong("too many escapes");
      out.reserve(text_.size());
    }
    const std::size_t start = out.size();
    out.append(text_.substr(begin, at_ - begin));
    while (at_ < text_.size() && text_[at_] != '"') {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return wrong("a control character must be escaped");
      ++at_;
      if (c != '\\') {
        out += char(c);
      } else if (auto escape = read_escape(out); !escape) {
        return std::unexpected(escape.error());
      }
    }
    if (!take('"')) return wrong("the text does not end");
    const std::string_view text = std::string_view(out).substr(start);
    if (!wire::is_utf8(text)) return wrong_at(begin, "the text is not UTF-8");
    return text;
  }

  Expected<void> read_escape(std::string& out) {
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (const auto plain = from.find(c); c != '\0' && plain != std::string_view::npos) {
      out += to[plain];
      return {};
    }
    if (c != 'u') return wrong_at(at_ - 1, "there is no such escape");
    auto unit = read_unit();
    if (!unit) return std::unexpected(unit.error());
    std::uint32_t code = *unit;
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take_word("\\u")) return wrong("the other half of a surrogate pair must stand here");
      unit = read_unit();
      if (!unit) return std::unexpected(unit.error());
      if (*unit < 0xdc00 || *unit > 0xdfff)
        return wrong("this is not the other half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (*unit - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return wrong("this is the second half of a surrogate pair, without the first");
    }
    append_code(out, code);
    return {};
  }

  Expected<std::uint32_t> read_unit() {
    std::uint32_t unit = 0;
    const char* const begin = text_.data() + at_;
    if (text_.size() - at_ < 4) return wrong("four hexadecimal digits must stand here");
    const auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
    if (error != std::errc{} || end != begin + 4)
      return wrong("four hexadecimal digits must stand here");
    at_ += 4;
    return unit;
  }

  static void append_code(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
      out += char(code);
    } else if (code < 0x800) {
      out += char(0xc0 | code >> 6);
      out += char(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      out += char(0xe0 | code >> 12);
      out += char(0x80 | (code >> 6 & 0x3f));
      out += char(0x80 | (code & 0x3f));
    } else {
      out += char(0xf0 | code >> 18);
      out += char(0x80 | (code >> 12 & 0x3f));
      out += char(0x80 | (code >> 6 & 0x3f));
      out += char(0x80 | (code & 0x3f));
    }
  }

  const std::string_view text_;
  PlaceBody& into_;
  std::size_t at_ = 0;
};

}  // namespace

Expected<void> read_place_body(std::string_view body, PlaceBody& into) {
  return BodyReader(body, into).read();
}

}  // namespace utakata
