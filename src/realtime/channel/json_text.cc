#include "realtime/channel/json_text.h"

#include <fmt/format.h>

#include <iterator>

namespace utakata::realtime {

std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          fmt::format_to(std::back_inserter(quoted), "\\u{:04x}", int(c));
        else
          quoted += c;
    }
  return quoted += '"';
}

}  // namespace utakata::realtime
