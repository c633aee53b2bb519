#include "realtime/server/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "realtime/pusher/signature.h"

namespace utakata::realtime {
namespace {

constexpr int kProtocolFirst = 5, kProtocolLast = 7;

}  // namespace

std::string_view take_name(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  return name;
}

bool is_origin_welcome(const TenantSpec& tenant, std::string_view origin) {
  return tenant.origins.empty() || origin.empty() ||
         std::ranges::find(tenant.origins, origin) != tenant.origins.end();
}

std::optional<AdmissionRefusal> version_refusal(std::string_view query) {
  const std::string text = api_parameter(query, "protocol");
  int version = 0;
  if (text.empty())
    return AdmissionRefusal{pusher_code::no_version, "No protocol version was supplied."};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    return AdmissionRefusal{pusher_code::bad_version, "The protocol version must be a number."};
  if (version < kProtocolFirst || version > kProtocolLast)
    return AdmissionRefusal{pusher_code::unsupported_version,
                            fmt::format("Protocol version {} is not supported, {} to {} are.",
                                        version, kProtocolFirst, kProtocolLast)};
  return std::nullopt;
}

std::optional<AdmissionRefusal> guest_refusal(const App& app, const net::HttpRequest& request) {
  const TenantSpec& spec = app.spec();
  if (!spec.is_enabled) return AdmissionRefusal{pusher_code::app_disabled, "This app is disabled."};
  if (!is_origin_welcome(spec, request.header("origin")))
    return AdmissionRefusal{pusher_code::unauthorized,
                            "Pages of this origin may not connect to this app."};
  if (app.connections() >= std::size_t(spec.connections_max))
    return AdmissionRefusal{
        pusher_code::over_quota,
        fmt::format("This app may have {} connections at a time.", spec.connections_max)};
  return std::nullopt;
}

std::string shown_ticket(const net::HttpRequest& request) {
  std::string_view path = request.path;
  const std::string_view named = take_name(path, "/ticket/");
  return named.empty() ? api_parameter(request.query, "ticket") : std::string(named);
}

}  // namespace utakata::realtime
