#include "wire/redis_address.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace utakata::wire {
namespace {

std::unexpected<Problem> wrong(std::string_view what) {
  return problem(
      Problem::Kind::invalid,
      fmt::format("redis: {}; an address is redis://[user:password@]host[:port][/db]", what));
}

std::optional<int> number(std::string_view text, int least, int most) {
  int value = 0;
  const auto end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || at != end || value < least || value > most) return std::nullopt;
  return value;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    unsigned value = 0;
    const auto digits = text.substr(at + 1, 2);
    const auto end = digits.data() + digits.size();
    if (digits.size() != 2 || std::from_chars(digits.data(), end, value, 16).ptr != end)
      return std::nullopt;
    plain += char(value);
    at += 2;
  }
  return plain;
}

bool is_host(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text)
    if (c <= ' ' || c == 0x7f || std::string_view("/@?#[]%").contains(c)) return false;
  return true;
}

// What is before the `@`; false: it is no name and password.
bool take_credentials(std::string_view text, RedisAddress& address) {
  const auto colon = text.find(':');
  if (colon == text.npos) return false;
  const auto user = unescaped(text.substr(0, colon));
  const auto password = unescaped(text.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  address.user = *user;
  address.password = *password;
  return true;
}

// host[:port]
Expected<void> take_place(std::string_view text, RedisAddress& address) {
  std::string_view host, rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return wrong("the bracket of the host is not closed");
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    if (colon != text.npos) rest = text.substr(colon);
  }
  if (!is_host(host)) return wrong("the host is missing, or is none");
  address.host = host;
  if (rest.empty()) return {};
  const auto port = rest.starts_with(':') ? number(rest.substr(1), 1, 65535) : std::nullopt;
  if (!port) return wrong("the port is a number from 1 to 65535");
  address.port = std::uint16_t(*port);
  return {};
}

}  // namespace

Expected<RedisAddress> redis_address(std::string_view text) {
  constexpr std::string_view scheme = "redis://";
  if (text.starts_with("rediss://")) return wrong("TLS (rediss://) is not spoken");
  if (!text.starts_with(scheme)) return wrong("it does not begin with redis://");
  text.remove_prefix(scheme.size());
  RedisAddress address;
  if (const auto at = text.rfind('@'); at != text.npos) {
    if (!take_credentials(text.substr(0, at), address))
      return wrong("what is before the @ is not user:password");
    text.remove_prefix(at + 1);
  }
  if (const auto slash = text.find('/'); slash != text.npos) {
    const auto database = text.substr(slash + 1);
    const auto chosen = database.empty() ? 0 : number(database, 0, 65535);
    if (!chosen) return wrong("what is after the / is the number of a database");
    address.database = *chosen;
    text = text.substr(0, slash);
  }
  if (const auto placed = take_place(text, address); !placed)
    return std::unexpected(placed.error());
  return address;
}

}  // namespace utakata::wire
