#include "fleet/api/route.h"

#include <algorithm>
#include <charconv>

#include "wire/utf8.h"

namespace utakata {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (text.size() - i < 3) return std::nullopt;
    const char* const digits = text.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
    out += char(byte);
    i += 2;
  }
  if (!wire::is_utf8(out)) return std::nullopt;
  return out;
}

std::optional<std::vector<std::string>> path_pieces(std::string_view path) {
  std::vector<std::string> pieces;
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    auto piece = percent_decoded(path.substr(0, end));
    if (!piece || pieces.size() == 12) return std::nullopt;
    pieces.push_back(std::move(*piece));
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return pieces;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) {
      std::string value(pair.substr(std::min(pair.size(), equals + 1)));
      std::ranges::replace(value, '+', ' ');
      return percent_decoded(value);
    }
    query.remove_prefix(std::min(query.size(), end + 1));
  }
  return std::nullopt;
}

}  // namespace utakata
