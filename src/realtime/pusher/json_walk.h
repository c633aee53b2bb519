// A JSON text from its beginning to its end, in one walk that copies and makes nothing: for what
// comes most often, and is passed on as it was written. A yes is sure. A no may also be of what it
// does not look into (long numbers, halves of surrogate pairs, deep nesting): ask JsonSource then.
// What is not ASCII is to be proven UTF-8 by others.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace utakata::realtime {

class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  // Each goes past what it has found, and the space before it; views are into the text.
  bool sign(char wanted) {
    skip_space();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool text(std::string_view& plain) {  // with nothing escaped in it
    skip_space();
    const char* const begin = at_ + 1;
    has_escapes_ = false;
    if (!string() || has_escapes_) return false;
    plain = {begin, std::size_t(at_ - begin) - 1};
    return true;
  }
  bool value(std::string_view& raw) {
    skip_space();
    const char* const begin = at_;
    if (!is_right(0)) return false;
    raw = {begin, std::size_t(at_ - begin)};
    return true;
  }
  bool end() {
    skip_space();
    return at_ == end_;
  }
  bool is_ascii() const { return is_ascii_; }  // what was gone past, or even what is near

 private:
  static constexpr int kDeepest = 32;
  static constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = kOnes * 0x80;

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool is_right(int depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '"':
        return string();
      case '{':
        return depth < kDeepest && list('}', depth);
      case '[':
        return depth < kDeepest && list(']', depth);
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool list(char close, int depth) {
    ++at_;
    if (sign(close)) return true;
    do {
      skip_space();
      if (close == '}' && (!string() || !sign(':'))) return false;
      skip_space();
      if (!is_right(depth + 1)) return false;
    } while (sign(','));
    return sign(close);
  }
  bool word(std::string_view wanted) {
    if (!std::string_view(at_, end_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  bool take(char wanted) {
    const bool is_there = at_ < end_ && *at_ == wanted;
    at_ += is_there;
    return is_there;
  }
  std::size_t digits() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return std::size_t(at_ - begin);
  }
  bool number() {  // that any reader can hold
    take('-');
    const bool has_zero = at_ < end_ && *at_ == '0';
    const std::size_t whole = digits();
    if (whole == 0 || whole > 15 || (has_zero && whole > 1)) return false;
    if (take('.') && digits() == 0) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    const std::size_t exponent = digits();
    return exponent == 1 || exponent == 2;
  }
  bool string() {
    if (!take('"')) return false;
    for (;;) {
      skip_plain();
      if (take('"')) return true;
      if (!take('\\') || !escape()) return false;
    }
  }
  bool escape() {
    has_escapes_ = true;
    if (at_ == end_) return false;
    if (*at_ != 'u') return std::string_view(R"("\/bfnrt)").contains(*at_++);
    const std::string_view hex = std::string_view(at_, end_).substr(1, 4);
    at_ += 1 + hex.size();
    return hex.size() == 4 && hex.find_first_not_of("0123456789abcdefABCDEF") == hex.npos &&
           !(std::string_view("dD").contains(hex[0]) && hex[1] > '7');
  }
  // To the first of what ends a text, is escaped, or may not stand in it.
  void skip_plain() {
    const char* at = at_;
    std::uint64_t eight = 0, seen = 0;
    for (; std::size_t(end_ - at) >= sizeof eight; at += sizeof eight) {
      std::memcpy(&eight, at, sizeof eight);
      seen |= eight;
      const std::uint64_t found = special(eight);
      if (found == 0) continue;
      if constexpr (std::endian::native == std::endian::little) at += std::countr_zero(found) / 8;
      break;
    }
    for (; at < end_ && *at != '"' && *at != '\\' && std::uint8_t(*at) >= 0x20; ++at)
      seen |= std::uint8_t(*at);
    at_ = at;
    is_ascii_ &= (seen & kHighs) == 0;
  }
  // The highest bit of each byte that is one of those; the lowest that is set is sure.
  static std::uint64_t special(std::uint64_t eight) {
    const std::uint64_t quote = eight ^ kOnes * '"', backslash = eight ^ kOnes * '\\';
    return ((quote - kOnes) | (backslash - kOnes) | (eight - kOnes * 0x20)) & ~eight & kHighs;
  }

  const char* at_;
  const char* const end_;
  bool is_ascii_ = true, has_escapes_ = false;
};

}  // namespace utakata::realtime
