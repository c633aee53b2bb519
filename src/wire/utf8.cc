#include "wire/utf8.h"

#include <cstring>

namespace utakata::wire {

bool Utf8Check::feed(std::string_view bytes) {
  if (failed_) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (left_ == 0) {  // many at a time while they are ASCII
      std::uint64_t many[4], eight = 0;
      while (i + sizeof many <= bytes.size()) {
        std::memcpy(many, bytes.data() + i, sizeof many);
        if ((many[0] | many[1] | many[2] | many[3]) & 0x8080808080808080) break;
        i += sizeof many;
      }
      while (i + 8 <= bytes.size()) {
        std::memcpy(&eight, bytes.data() + i, 8);
        if (eight & 0x8080808080808080) break;
        i += 8;
      }
      if (i == bytes.size()) break;
      if (bytes.size() >= 8) {  // the rest, if it is less than eight, with what was before it
        std::memcpy(&eight, bytes.data() + bytes.size() - 8, 8);
        if (i + 8 > bytes.size() && !(eight & 0x8080808080808080)) break;
      }
    }
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (left_ > 0) {
      if (byte < lowest_ || byte > highest_) return !(failed_ = true);
      lowest_ = 0x80;
      highest_ = 0xbf;
      --left_;
    } else if (byte >= 0x80) {  // RFC 3629 section 4, the table of lead bytes
      if (byte < 0xc2 || byte > 0xf4) return !(failed_ = true);
      left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte == 0xe0) lowest_ = 0xa0;   // shorter forms exist below
      if (byte == 0xed) highest_ = 0x9f;  // surrogates above
      if (byte == 0xf0) lowest_ = 0x90;   // shorter forms exist below
      if (byte == 0xf4) highest_ = 0x8f;  // U+10FFFF is the last
    }
  }
  return true;
}

bool is_utf8(std::string_view bytes) {
  Utf8Check check;
  return check.feed(bytes) && check.is_complete();
}

}  // namespace utakata::wire
