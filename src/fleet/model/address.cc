#include "fleet/model/address.h"

#include <algorithm>
#include <charconv>

namespace utakata {

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  const bool is_bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (is_bracketed) text = text.substr(1, text.size() - 2);
  return std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || (is_bracketed && c == ':');
  });
}

std::optional<Address> address_from(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || !is_host(text.substr(0, colon))) return std::nullopt;
  unsigned port = 0;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535)
    return std::nullopt;
  return Address{std::string(text.substr(0, colon)), std::uint16_t(port)};
}

}  // namespace utakata
