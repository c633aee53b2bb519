// Placing: the hot path first, then the rest of a cluster's routes.
#include <fmt/format.h>

#include <algorithm>

#include "fleet/api/api_state.h"

namespace utakata {

bool Api::State::take_placement(const net::HttpRequest& request, net::HttpReply& reply) {
  if (request.method != "POST" || takeovers.is_unsure(now())) return false;
  for (const auto& places : clusters) {
    if (request.path != places->path()) continue;
    ApiCall call{request, reply, "POST", Caller::stranger, {}};
    place(call, *places, false);
    return true;
  }
  return false;
}

void Api::State::place(ApiCall& call, Places& places, bool as_endpoint) {
  if (!admits_origin(call)) return;
  call.caller = gate.caller(call.request);
  if (call.caller == Caller::bad_token) {
    may_change(call);  // says so
    return;
  }
  if (!passes_rate(call)) return;
  PlaceBody body;
  if (!as_endpoint) {
    if (auto read = read_place_body(call.request.body, body); !read)
      return send_problem(call.reply, {.status = 400, .detail = read.error().what}, call.cors);
  }
  const bool stranger = call.caller == Caller::stranger;
  if (stranger && body.seats > 1)
    return send_problem(call.reply,
                        {.status = 401,
                         .detail = "Without a place token one call is for one seat: ask for each "
                                   "client by itself, or send "
                                   "`Authorization: Bearer TOKEN`.",
                         .headers = "WWW-Authenticate: Bearer realm=\"utakata place\"\r\n"},
                        call.cors);
  places.place(
      call.reply,
      {.body = body, .stranger = stranger, .as_endpoint = as_endpoint, .headers = call.cors}, now(),
      wall_offset);
}

bool Api::State::passes_rate(ApiCall& call) {
  if (call.caller != Caller::stranger || gate.is_peer(call.request)) return true;
  const Duration wait = rates.ask(Gate::address(call.request), now());
  if (wait == Duration{}) return true;
  send_problem(call.reply,
               {.status = 429,
                .detail = "Without a token an address may ask 20 times a second.",
                .retry_after = std::max<Duration>(wait, 1ms)},
               call.cors);
  return false;
}

bool Api::State::admits_origin(ApiCall& call) {
  if (!gate.is_host_ours(call.request)) {
    send_problem(call.reply,
                 {.status = 421,
                  .detail = fmt::format(
                      "This controller is not `{}`: it listens on this machine only, and answers "
                      "to `localhost`, `127.0.0.1` and `api.advertise`.",
                      call.request.header("host"))});
    return false;
  }
  const std::string_view origin = call.request.header("origin");
  if (origin.empty()) return true;
  if (!gate.may_place_from(origin)) {
    send_problem(
        call.reply,
        {.status = 403,
         .detail = fmt::format("Pages of {} may not ask: `api.origins` does not name it.", origin),
         .headers = "Vary: Origin\r\n"});
    return false;
  }
  call.cors = gate.allows_any_origin()
                  ? "Access-Control-Allow-Origin: *\r\n"
                  : fmt::format("Access-Control-Allow-Origin: {}\r\nVary: Origin\r\n", origin);
  call.cors += "Access-Control-Expose-Headers: Retry-After, X-Utakata-Url\r\n";
  return true;
}

// `pieces` stand after /v1/stacks/S/clusters/C.
void Api::State::route_cluster(ApiCall& call, const std::vector<std::string>& pieces) {
  const std::string& cluster = pieces[4];
  const std::string verb = pieces.size() > 5 ? pieces[5] : "";
  const std::size_t more = pieces.size() > 6 ? pieces.size() - 6 : 0;
  const bool is_placing = (verb == "placements" && more <= 1) ||
                          (verb == "endpoint" && more == 0) || (verb == "keys" && more == 1);
  const bool is_confirming = (verb == "placements" && more == 2 && pieces[7] == "confirm") ||
                             (verb == "tickets" && more == 1);
  if (is_placing && call.method == "OPTIONS") {
    if (!admits_origin(call)) return;
    call.cors +=
        "Access-Control-Allow-Methods: GET, POST, DELETE\r\n"
        "Access-Control-Allow-Headers: Content-Type, Authorization\r\nAccess-Control-Max-Age: "
        "600\r\n";
    return send_json(call.reply, 204, {}, call.cors);
  }
  if (is_placing || is_confirming) {
    if (!admits_origin(call)) return;
    if (is_elsewhere(cluster)) {
      call.caller = gate.caller(call.request);
      if (!is_confirming && call.caller == Caller::bad_token) return void(may_change(call));
      if (!is_confirming && !passes_rate(call)) return;
      return send_on(call, {.cluster = cluster, .is_by_token = is_confirming});
    }
    Places* const places = find(cluster);
    if (!places) {
      call.caller = gate.caller(call.request);
      return not_found(call, "cluster", cluster);
    }
    if (is_confirming) {
      if (!allows(call, "POST")) return;
      return places->confirm(call.reply,
                             verb == "tickets" ? PlaceName::ticket : PlaceName::placement,
                             pieces[6], Gate::bearer(call.request), now());
    }
    if (verb == "endpoint") return allows(call, "GET") ? place(call, *places, true) : void();
    if (verb == "placements" && more == 0)
      return allows(call, "POST") ? place(call, *places, false) : void();
    if (!allows(call, "DELETE")) return;
    call.caller = gate.caller(call.request);
    // Whoever knows a placement's id may give it back; a key's name can be guessed.
    if (call.caller == Caller::bad_token || (verb == "keys" && call.caller == Caller::stranger)) {
      may_change(call);
      return;
    }
    if (!passes_rate(call)) return;
    if (verb == "keys") return places->release_key(call.reply, pieces[6], call.cors);
    return places->release(call.reply, pieces[6], now(), call.cors);
  }
  call.caller = gate.caller(call.request);
  if (verb == "ledger" && more == 0 && others && gate.is_peer(call.request))
    return call.method == "POST" ? hand_over(call, cluster) : tell_ledger(call, cluster);
  if (verb == "explain" && more == 0) {
    if (!allows(call, "GET") || !may_read(call)) return;
    AdminCall admin{.verb = AdminCall::Verb::explain};
    admin.cluster = cluster;
    if (is_elsewhere(cluster)) return send_on(call, {.cluster = cluster});
    return ask(call, std::move(admin));
  }
  return route_change(call, pieces);
}

}  // namespace utakata
