#include "realtime/pusher/signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "wire/digest.h"

namespace utakata::realtime {
namespace {

std::string signed_by(const TenantKey& tenant, std::string_view text) {
  return tenant.key + ":" + wire::hmac_sha256_hex(tenant.secret, text);
}

std::string channel_text(std::string_view socket_id, std::string_view channel,
                         std::string_view channel_data) {
  std::string text = fmt::format("{}:{}", socket_id, channel);
  if (!channel_data.empty()) text.append(":").append(channel_data);
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string api_decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_code = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                         hex_digit(text[i + 2]) >= 0;
    if (is_code) {
      plain += char(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

namespace {

using Parameters = std::map<std::string, std::string>;  // names in small letters

Parameters parameters_of(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const auto equals = one.find('=');
    std::string name = api_decoded(one.substr(0, equals));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    parameters[name] =
        equals == std::string_view::npos ? std::string() : api_decoded(one.substr(equals + 1));
  }
  return parameters;
}

std::string api_text(const ApiRequest& request, const Parameters& parameters) {
  std::string text = fmt::format("{}\n{}\n", request.method, request.path);
  bool is_first = true;
  for (const auto& [name, value] : parameters) {
    if (name == "auth_signature") continue;
    if (!std::exchange(is_first, false)) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

}  // namespace

std::string channel_auth(const TenantKey& tenant, std::string_view socket_id,
                         std::string_view channel, std::string_view channel_data) {
  return signed_by(tenant, channel_text(socket_id, channel, channel_data));
}

std::string user_auth(const TenantKey& tenant, std::string_view socket_id,
                      std::string_view user_data) {
  return signed_by(tenant, fmt::format("{}::user::{}", socket_id, user_data));
}

bool is_channel_auth(std::string_view auth, const TenantKey& tenant, std::string_view socket_id,
                     std::string_view channel, std::string_view channel_data) {
  return wire::constant_time_equal(auth, channel_auth(tenant, socket_id, channel, channel_data));
}

bool is_user_auth(std::string_view auth, const TenantKey& tenant, std::string_view socket_id,
                  std::string_view user_data) {
  return wire::constant_time_equal(auth, user_auth(tenant, socket_id, user_data));
}

std::string body_signature(const TenantKey& tenant, std::string_view body) {
  return wire::hmac_sha256_hex(tenant.secret, body);
}

std::string api_parameter(std::string_view query, std::string_view name) {
  const Parameters parameters = parameters_of(query);
  const auto known = parameters.find(std::string(name));
  return known == parameters.end() ? std::string() : known->second;
}

std::optional<ApiRefusal> api_refusal(const ApiRequest& request, const TenantKey& tenant,
                                      std::int64_t now_s) {
  const Parameters parameters = parameters_of(request.query);
  const auto value = [&](const char* name) {
    const auto known = parameters.find(name);
    return known == parameters.end() ? std::string() : known->second;
  };
  const auto refuse = [](std::string why) { return ApiRefusal{.why = std::move(why)}; };
  if (value("auth_version") != "1.0") return refuse("Invalid auth_version: it must be 1.0.");
  if (value("auth_key") != tenant.key)
    return refuse(fmt::format("Unknown auth_key {}.", value("auth_key").substr(0, 100)));
  const std::string at_text = value("auth_timestamp");
  std::int64_t at = 0;
  const auto read = std::from_chars(at_text.data(), at_text.data() + at_text.size(), at);
  if (at_text.empty() || read.ec != std::errc() || read.ptr != at_text.data() + at_text.size() ||
      at < 0)
    return refuse("Invalid auth_timestamp: it must be the seconds since 1970.");
  // Not by subtraction: a stranger chose it.
  if (at > now_s + api_clock_slack_s || at < now_s - api_clock_slack_s)
    return refuse(
        fmt::format("Timestamp expired: given {}, the server's time is {}, {} seconds "
                    "apart at most.",
                    at, now_s, api_clock_slack_s));
  if (!request.body.empty() &&
      !wire::constant_time_equal(value("body_md5"), wire::md5_hex(request.body)))
    return refuse("Invalid body_md5: it is not that of the body.");
  // What ought to have been sent is not told: it would be a signature for the asking.
  if (!wire::constant_time_equal(
          value("auth_signature"),
          wire::hmac_sha256_hex(tenant.secret, api_text(request, parameters))))
    return refuse(fmt::format("Invalid auth_signature of {} {}.", request.method, request.path));
  return std::nullopt;
}

std::string api_signed_query(const ApiRequest& request, const TenantKey& tenant,
                             std::int64_t now_s) {
  Parameters parameters = parameters_of(request.query);
  parameters["auth_key"] = tenant.key;
  parameters["auth_timestamp"] = fmt::format("{}", now_s);
  parameters["auth_version"] = "1.0";
  if (!request.body.empty()) parameters["body_md5"] = wire::md5_hex(request.body);
  parameters["auth_signature"] =
      wire::hmac_sha256_hex(tenant.secret, api_text(request, parameters));
  std::string query = "?";
  for (const auto& [name, value] : parameters)
    query.append(query.size() > 1 ? "&" : "").append(name).append("=").append(value);
  return query;
}

}  // namespace utakata::realtime
