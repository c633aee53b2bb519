// Who may do what, by a secret that only a tenant and we know: signatures of subscriptions, of
// users and of HTTP requests as Pusher Channels publishes them ("Authentication signatures", "HTTP
// API reference"). HMAC-SHA-256 in small hexadecimal letters, compared in constant time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::realtime {

struct TenantKey {
  std::string key, secret;
  bool operator==(const TenantKey&) const = default;
};

// "key:signature". `channel_data`: of presence channels, as the client sends it; otherwise empty.
std::string channel_auth(const TenantKey& tenant, std::string_view socket_id,
                         std::string_view channel, std::string_view channel_data = {});
std::string user_auth(const TenantKey& tenant, std::string_view socket_id,
                      std::string_view user_data);
bool is_channel_auth(std::string_view auth, const TenantKey& tenant, std::string_view socket_id,
                     std::string_view channel, std::string_view channel_data = {});
bool is_user_auth(std::string_view auth, const TenantKey& tenant, std::string_view socket_id,
                  std::string_view user_data);

// What a webhook carries in X-Pusher-Signature.
std::string body_signature(const TenantKey& tenant, std::string_view body);

struct ApiRequest {
  std::string_view method, path, query, body;  // path and query as they came
};
struct ApiRefusal {
  int status = 401;
  std::string why;
};
inline constexpr std::int64_t api_clock_slack_s = 600;

// None: it is the tenant's own. `now_s`: since 1970. The query's auth_key, auth_timestamp,
// auth_version, body_md5 (where there is a body) and auth_signature are looked at; the signature is
// of the method, the path and all other parameters, names in small letters and in their order.
std::optional<ApiRefusal> api_refusal(const ApiRequest& request, const TenantKey& tenant,
                                      std::int64_t now_s);
// As a server SDK would: what to append to the path, `?` included. For tests and our own calls.
std::string api_signed_query(const ApiRequest& request, const TenantKey& tenant,
                             std::int64_t now_s);

// Of a query, decoded; empty: absent. Names in any case.
std::string api_parameter(std::string_view query, std::string_view name);
std::string api_decoded(
    std::string_view text);  // percent-encoding (RFC 3986 section 2.1), + as space

}  // namespace utakata::realtime
