#include "net/websocket_address.h"

#include <netdb.h>

#include <algorithm>
#include <charconv>

#include "net/name_lookup.h"

namespace utakata::net {
namespace {

std::unexpected<Problem> not_a_url(const char* why) {
  return problem(Problem::Kind::invalid, std::string("not a WebSocket's URL: ") + why);
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

}  // namespace

Expected<WebSocketUrl> websocket_url(std::string_view url) {
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return not_a_url("it has blanks, control characters or letters that must be percent-encoded.");
  const bool is_tls = url.starts_with("wss://");
  const std::string_view scheme = is_tls ? "wss://" : "ws://";
  if (!url.starts_with(scheme)) return not_a_url("it must begin with ws:// or wss://.");
  if (url.find('#') != url.npos)
    return not_a_url("a fragment (#) has no meaning here (RFC 6455 section 3).");
  url.remove_prefix(scheme.size());
  const auto authority = url.substr(0, url.find_first_of("/?"));
  const auto target = url.substr(authority.size());
  WebSocketUrl parts{.authority = std::string(authority),
                     .host = {},
                     .port = is_tls ? "443" : "80",
                     .target = std::string(target),
                     .is_tls = is_tls};
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  if (authority.find('@') != authority.npos) return not_a_url("it must not carry a user's name.");
  std::string_view host = authority, rest;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == authority.npos) return not_a_url("a [ is not closed.");
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else if (const auto colon = authority.find(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (host.empty()) return not_a_url("it names no host.");
  if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1))))
    return not_a_url("its port is not a number from 1 to 65535.");
  parts.host = host;
  if (!rest.empty()) parts.port = rest.substr(1);
  return parts;
}

std::vector<TcpAddress> known_addresses(const WebSocketUrl& url) {
  std::vector<TcpAddress> known;
  const auto hosts = url.host == "localhost" ? std::vector<std::string>{"127.0.0.1", "::1"}
                                             : std::vector<std::string>{url.host};
  for (const auto& host : hosts)
    if (const auto found = tcp_addresses(host, url.port, AI_NUMERICHOST))
      known.insert(known.end(), found->begin(), found->end());
  return known;
}

}  // namespace utakata::net
