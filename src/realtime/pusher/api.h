// The HTTP API of Pusher Channels ("HTTP API reference") for one tenant: a signed request in, an
// answer out. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "realtime/pusher/app.h"
#include "realtime/pusher/signature.h"

namespace utakata::realtime {

struct ApiAnswer {
  int status = 200;
  std::string body = "{}";  // JSON; of a refusal a sentence
  std::string_view type = "application/json";
};

// `path` begins behind /apps/ID: "/events", "/batch_events", "/channels", "/channels/NAME",
// "/channels/NAME/users", "/channels/NAME/timeline", "/users/ID/terminate_connections". 400:
// malformed, or not allowed by a rule of the API; 401: not the tenant's signature; 403: the tenant
// is disabled; 404: no such path; 405: another method; 413: an event beyond its limits.
ApiAnswer api_answer(PusherApp& app, const ApiRequest& request, std::string_view path,
                     std::int64_t now_s, Instant now);

}  // namespace utakata::realtime
