#include "realtime/channel/json_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace utakata::realtime {

namespace {

// What may stand in a JSON text as it is (RFC 8259 section 7).
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < table.size(); ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

}  // namespace

void append_json_text(std::string& json, std::string_view text) {
  json += '"';
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && plain[static_cast<unsigned char>(text[end])]) ++end;
    json.append(text.data(), end);
    if (end == text.size()) break;
    switch (const char c = text[end]) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      default:
        fmt::format_to(std::back_inserter(json), "\\u{:04x}", int(c));
    }
    text.remove_prefix(end + 1);
  }
  json += '"';
}

std::string json_text(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  append_json_text(quoted, text);
  return quoted;
}

}  // namespace utakata::realtime
