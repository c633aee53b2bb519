// Is it UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.) Asked piece by
// piece.
#pragma once

#include <cstdint>
#include <string_view>

namespace utakata::wire {

class Utf8Check {
 public:
  // False as soon as no continuation could make it valid; then it stays false.
  bool feed(std::string_view bytes);
  bool is_complete() const { return left_ == 0 && !failed_; }  // false inside a character
  void reset() { *this = {}; }

 private:
  std::uint8_t left_ = 0;                        // continuation bytes still missing
  std::uint8_t lowest_ = 0x80, highest_ = 0xbf;  // of the next one
  bool failed_ = false;
};

bool is_utf8(std::string_view bytes);

}  // namespace utakata::wire
