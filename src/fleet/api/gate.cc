#include "fleet/api/gate.h"

#include <algorithm>

#include "wire/digest.h"

namespace utakata {
namespace {

std::string small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return out;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// "example.com" of "example.com:7070", "::1" of "[::1]:7070".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

bool equal_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return small(x) == small(y);
  });
}

}  // namespace

Gate::Gate(const ApiSpec& api, Hashes hashes)
    : listens_on_loopback_(is_loopback(api.listen.host)),
      names_{"localhost", "127.0.0.1", "::1", small_letters(api.advertise),
             small_letters(api.listen.host)},
      origins_(api.origins),
      hashes_(std::move(hashes)) {}

bool Gate::is_peer(const net::HttpRequest& request) {
  if (hashes_.peer.empty()) return false;
  const std::string_view token = bearer(request);
  if (token.empty()) return false;
  if (wire::constant_time_equal(token, known_peer_)) return true;
  if (!wire::constant_time_equal(wire::sha256_hex(token), hashes_.peer)) return false;
  known_peer_ = token;
  return true;
}

bool Gate::is_name_ours(std::string_view host) const {
  const std::string_view name = without_port(host);
  return std::ranges::any_of(names_, [&](const std::string& n) { return equal_letters(n, name); });
}

bool Gate::is_host_ours(const net::HttpRequest& request) const {
  if (!listens_on_loopback_) return true;
  const std::string_view host = request.header("host");
  return host.empty() || is_name_ours(host);
}

bool Gate::is_cross_site(const net::HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const std::string_view scheme = request.is_tls ? "https://" : "http://";
  return !origin.starts_with(scheme) ||
         !equal_letters(origin.substr(scheme.size()), request.header("host"));
}

bool Gate::may_place_from(std::string_view origin) const {
  return origin.empty() || origins_.empty() ||
         std::ranges::find(origins_, origin) != origins_.end();
}

std::string_view Gate::bearer(const net::HttpRequest& request) {
  const std::string_view value = request.header("authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (value.size() <= scheme.size() || !equal_letters(value.substr(0, scheme.size()), scheme))
    return {};
  return value.substr(scheme.size());
}

Caller Gate::caller(const net::HttpRequest& request) {
  if (const std::string_view value = request.header("authorization"); !value.empty()) {
    const std::string_view token = bearer(request);
    if (token.empty()) return Caller::bad_token;
    if (wire::constant_time_equal(token, known_token_)) return known_caller_;
    if (is_peer(request)) {
      const std::string_view whom = request.header("x-utakata-caller");
      return whom == "admin" ? Caller::admin : whom == "placer" ? Caller::placer : Caller::stranger;
    }
    const std::string hash = wire::sha256_hex(token);
    Caller caller = Caller::bad_token;
    if (!hashes_.place.empty() && wire::constant_time_equal(hash, hashes_.place))
      caller = Caller::placer;
    if (!hashes_.admin.empty() && wire::constant_time_equal(hash, hashes_.admin))
      caller = Caller::admin;
    if (caller != Caller::bad_token) {
      known_token_ = token;
      known_caller_ = caller;
    }
    return caller;
  }
  const bool is_here = request.from_loopback && !is_cross_site(request) &&
                       request.header("x-forwarded-for").empty() &&
                       request.header("forwarded").empty() &&
                       (listens_on_loopback_ || is_name_ours(request.header("host")));
  return is_here ? Caller::placer : Caller::stranger;
}

std::string_view Gate::address(const net::HttpRequest& request) {
  if (!request.from_loopback) return request.peer;
  std::string_view named = request.header("x-forwarded-for");
  named.remove_prefix(std::min(named.size(), named.rfind(',') + 1));
  while (named.starts_with(' ')) named.remove_prefix(1);
  return named.empty() ? request.peer : named;
}

}  // namespace utakata
