// Numbers and texts as bytes between our own processes: a number is a varint (7 bits a byte, low
// ones first, 63 bits at most), a text its size and its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace utakata {

inline void put_number(std::string& into, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) into += char(0x80 | (number & 0x7f));
  into += char(number);
}

inline void put_text(std::string& into, std::string_view text) {
  put_number(into, text.size());
  into += text;
}

// Takes what it reads off the front; after a fault it gives nothing more. Texts are views.
struct CompactSource {
  std::string_view left;
  bool is_faulty = false;

  std::uint8_t byte() {
    if (left.empty()) is_faulty = true;
    if (is_faulty) return 0;
    const auto got = std::uint8_t(left.front());
    left.remove_prefix(1);
    return got;
  }
  std::uint64_t number() {
    std::uint64_t all = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const std::uint8_t got = byte();
      all |= std::uint64_t(got & 0x7f) << shift;
      if (got < 0x80) return all;
    }
    is_faulty = true;
    return 0;
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > left.size()) is_faulty = true;
    if (is_faulty) return {};
    const std::string_view got = left.substr(0, size);
    left.remove_prefix(size);
    return got;
  }
};

}  // namespace utakata
