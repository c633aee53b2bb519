#include "fleet/api/api.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "base/check.h"
#include "fleet/api/api_state.h"

namespace utakata {
namespace {

PlaceSecret random_secret() {
  PlaceSecret secret;
  check(getrandom(&secret, sizeof secret, 0) == sizeof secret, "the kernel gives random numbers");
  return secret;
}

}  // namespace

Api::State::State(net::Loop& the_loop, FleetAccess& the_fleet, ApiOptions the_options)
    : loop(the_loop),
      fleet(the_fleet),
      options(std::move(the_options)),
      gate(options.api, options.admin_token_hash, options.place_token_hash),
      rates({}, random_secret()),
      secret(random_secret()) {}

Places* Api::State::find(std::string_view cluster) {
  for (const auto& places : clusters)
    if (places->cluster() == cluster) return places.get();
  return nullptr;
}

void Api::State::apply(const PlacementView& view) {
  Places* places = find(view.cluster);
  if (!places) {
    const PlaceSecret seed = random_secret();
    clusters.push_back(std::make_unique<Places>(
        options.stack, view.cluster, PlacementLedger::Options{.seed = seed.low, .secret = secret}));
    places = clusters.back().get();
  }
  places->apply(view, now());
  hear(places->ledger().report());
}

// Each tenth of a second: what has expired, in slices that a waiting placement does not notice
// (1,000 x 60 ns).
static void tick_all(Api::State& state) {
  state.wall_offset = state.clock.wall().time_since_epoch() - state.clock.now().time_since_epoch();
  bool more = false;
  for (const auto& places : state.clusters) more |= places->ledger().expire(state.now(), 1000);
  if (more) state.loop.post([&state] { tick_all(state); });
}

Api::Api(net::Loop& loop, FleetAccess& fleet, ApiOptions options)
    : state_(std::make_unique<State>(loop, fleet, std::move(options))) {
  State& state = *state_;
  tick_all(state);
  state.tick = loop.every(100ms, [&state] { tick_all(state); });
  state.server = std::make_unique<net::HttpServer>(
      loop, [&state](const net::HttpRequest& request, net::HttpReply reply) {
        state.take(request, std::move(reply));
      });
  state.server->on_notice([&state](const std::string& sentence) { state.say(sentence); });
}

Api::~Api() { state_->loop.cancel(state_->tick); }

Expected<std::uint16_t> Api::listen() {
  const ApiSpec& api = state_->options.api;
  if (api.certificate.empty()) return state_->server->listen(api.listen.host, api.listen.port);
  return state_->server->listen_tls(api.listen.host, api.listen.port,
                                    {.certificate = api.certificate, .key = api.key});
}

void Api::apply(const PlacementView& view) { state_->apply(view); }

void Api::forget(const std::string& cluster) {
  std::erase_if(state_->clusters, [&](const auto& places) { return places->cluster() == cluster; });
}

void Api::on_report(std::function<void(const SeatReport&)> hear) { state_->hear = std::move(hear); }

void Api::on_notice(std::function<void(const std::string&)> say) { state_->say = std::move(say); }

void Api::State::take(const net::HttpRequest& request, net::HttpReply reply) {
  ++requests;
  if (take_placement(request, reply)) return;
  ApiCall call{
      request, reply, request.method == "HEAD" ? "GET" : request.method, Caller::stranger, {}};
  route(call);
}

}  // namespace utakata
