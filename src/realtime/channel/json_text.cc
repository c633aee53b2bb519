#include "realtime/channel/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace utakata::realtime {

std::string json_text(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted += '"';
  const auto is_plain = [](char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
  };
  if (std::ranges::all_of(text, is_plain)) return quoted.append(text) += '"';
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
