// What a request for a connection says, and why nobody is let in for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "realtime/app/app.h"

namespace utakata::realtime {

struct AdmissionRefusal {
  int code;  // of Pusher (events.h)
  std::string why;
};

// What stands behind a prefix, up to the next slash; the path loses both. Empty: it has no such
// prefix.
std::string_view take_name(std::string_view& path, std::string_view prefix);
// Browsers say whose page wants it (RFC 6455 section 10.2); who says nothing is no browser.
bool is_origin_welcome(const TenantSpec& tenant, std::string_view origin);
std::optional<AdmissionRefusal> version_refusal(std::string_view query);  // of Pusher's protocol
std::optional<AdmissionRefusal> guest_refusal(const App& app, const net::HttpRequest& request);
// `?ticket=T`, or /ticket/T before the path, where a client can say no more of the query than
// pusher-js can. Empty: none.
std::string shown_ticket(const net::HttpRequest& request);

}  // namespace utakata::realtime
