#include "fleet/api/api.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/check.h"
#include "fleet/api/api_state.h"
#include "wire/digest.h"

namespace utakata {
namespace {

// Who is there ends what it tells within a round trip.
constexpr Duration stands_still_after{300ms};

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
      gate(options.api,
           {.admin = options.admin_token_hash,
            .place = options.place_token_hash,
            .peer = options.peer_token.empty() ? "" : wire::sha256_hex(options.peer_token)}),
      rates({}, random_secret()),
      secret(options.place_secret ? *options.place_secret : random_secret()) {}

Places* Api::State::find(std::string_view cluster) const {
  for (const auto& places : clusters)
    if (places->cluster() == cluster) return places.get();
  return nullptr;
}

Places& Api::State::make(std::string_view cluster, std::vector<std::unique_ptr<Places>>& into) {
  const PlaceSecret seed = random_secret();
  into.push_back(
      std::make_unique<Places>(options.stack, std::string(cluster),
                               PlacementLedger::Options{.seed = seed.low, .secret = secret}));
  return *into.back();
}

void Api::State::open_journal() {
  if (options.seats_path.empty()) return;
  auto opened = SeatJournal::open(options.seats_path, {.secret = options.place_secret});
  if (!opened) {
    unsaid.push_back(
        fmt::format("{}. After a restart nobody is placed on the instances found until all earlier "
                    "holds have expired.",
                    opened.error().what));
    return;
  }
  journal = std::move(*opened);
  journal->on_notice([this](const std::string& what) { say ? say(what) : unsaid.push_back(what); });
  secret = journal->secret();
  std::map<std::string, std::unique_ptr<PlaceLog>, std::less<>> replays;
  journal->replay(
      [&](std::string_view cluster) {
        auto& replay = replays[std::string(cluster)];
        if (!replay) replay = make(cluster, past).ledger().replay(now());
        return replay.get();
      },
      now());
  replays.clear();  // which makes them whole
  for (const auto& places : past) places->logs().add(&journal->log_of(places->cluster()));
  journal->begin([this] {
    for (const auto& places : past) places->ledger().dump(journal->log_of(places->cluster()));
  });
  past_until = now() + 10min;
}

void Api::State::apply(const std::shared_ptr<const PlacementView>& whole) {
  const PlacementView& view = *whole;
  Places* places = find(view.cluster);
  if (!places) {
    // It was on its way when the cluster went to another.
    if (options.owners && options.owners->of(view.cluster).kind != Ownership::Kind::ours) return;
    if (is_still_told(whole)) return;
    places = &take_up(view);
  }
  places->apply_begin(whole, now());
  if (!std::exchange(places->is_applying, true)) apply_on(view.cluster);
}

// The former owner of a cluster may not have told all yet, and may not know that it is over: it is
// told so, and ends. One that stands still does not; nor does one that is cut off, for which nobody
// waits longer than a second.
bool Api::State::is_still_told(const std::shared_ptr<const PlacementView>& view) {
  if (!copies) return false;
  const Ownership ownership = options.owners->of(view->cluster);
  const auto [taken, is_new] = taken_since.try_emplace(view->cluster, now());
  const Duration waited = now() - taken->second;
  const Copies::State told = copies->state(view->cluster, ownership.tenure);
  const bool tells = !ownership.is_inherited && !copies->teller(view->cluster).empty();
  if (is_new && tells) tell_taken(view->cluster, ownership);
  const bool is_coming = tells && (told == Copies::State::coming || waited < stands_still_after);
  // Nor are those who wait refused because nobody has been counted yet.
  const bool is_counted =
      view->instances.empty() || std::ranges::any_of(view->instances, &Placeable::count_known);
  if ((!is_coming && is_counted) || waited > 1s) {
    taken_since.erase(view->cluster);
    held_views.erase(view->cluster);
    return false;
  }
  held_views[view->cluster] = view;
  return true;
}

// Of a cluster that another has now: should that one end before it told us anything, this is the
// best that is known.
void Api::State::keep_past(std::unique_ptr<Places> places) {
  std::erase_if(past, [&](const auto& each) { return each->cluster() == places->cluster(); });
  places->is_applying = false;
  past.push_back(std::move(places));
  past_until = now() + 10min;
}

// The first view of a cluster: its seats and keys go on from what is known of them.
Places& Api::State::take_up(const PlacementView& view) {
  const Ownership ownership =
      options.owners ? options.owners->of(view.cluster) : Ownership{.is_inherited = true};
  const Copies::State told = copies && !ownership.is_inherited
                                 ? copies->state(view.cluster, ownership.tenure)
                                 : Copies::State::none;
  const bool is_told = told == Copies::State::all;
  // What was heard counts, be it not all: a room that is known to be somewhere stays there. Of
  // whom we never heard, an earlier life of ours may have known something.
  const bool is_heard = told != Copies::State::none;
  if (is_heard)
    std::erase_if(past, [&](const auto& each) { return each->cluster() == view.cluster; });
  const auto known =
      std::ranges::find_if(past, [&](const auto& each) { return each->cluster() == view.cluster; });
  // An earlier life of ours had it, and ended before it was told what was in it.
  const bool is_empty_handed = known == past.end() && ownership.tenure > 1;
  if (known != past.end()) {
    clusters.push_back(std::move(*known));
    past.erase(known);
  } else {
    make(view.cluster, clusters);
    if (is_heard) copies->replay(view.cluster, *clusters.back()->ledger().replay(now()));
    if (journal) {
      clusters.back()->logs().add(&journal->log_of(view.cluster));
      if (is_heard) clusters.back()->ledger().dump(journal->log_of(view.cluster));
    }
  }
  if (copies) copies->forget(view.cluster);
  // What an earlier life, or owner, held on the instances that it left is not known, or not all of
  // it.
  const bool has_no_past =
      ownership.is_inherited
          ? is_empty_handed || (!options.seats_path.empty() && (!journal || !journal->has_past()))
          : !is_told;
  Instant until{};
  if (has_no_past) until = now() + view.hold;
  if (journal && ownership.is_inherited) until = std::max(until, journal->past_lost_until());
  clusters.back()->ledger().distrust_past(until);
  return *clusters.back();
}

// A great view in slices that a waiting placement does not notice.
void Api::State::apply_on(const std::string& cluster) {
  constexpr int slice = 500;  // x 0.2 us
  Places* places = find(cluster);
  if (!places) return;  // forgotten meanwhile
  if (places->ledger().apply_more(slice, now())) {
    loop.post([this, cluster] { apply_on(cluster); });
    return;
  }
  places->is_applying = false;
  if (others) others->turn();
  hear(places->ledger().report());
}

// Each tenth of a second: what has expired, in slices that a waiting placement does not notice
// (1,000 x 60 ns).
void Api::State::tick_all() {
  if (has_overslept()) unsure_until = now() + 2s;
  ticked = now();
  wall_offset = clock.wall().time_since_epoch() - clock.now().time_since_epoch();
  bool more = false;
  for (const auto& places : clusters) more |= places->ledger().expire(now(), 1000);
  if (!held_views.empty()) apply_held();
  if (more) loop.post([this] { tick_all(); });
  if (!past.empty() && now() > past_until) past.clear();  // the stack no longer has them
  if (!journal || !journal->snapshot_due()) return;
  journal->snapshot_begin();
  for (const auto* each : {&clusters, &past})
    for (const auto& places : *each) places->retelling = {.rooms_only = true};
  retell();
}

// For the journal, in slices as above (500 x 0.1 us).
void Api::State::retell() {
  bool more = false;
  for (const auto* each : {&clusters, &past})
    for (const auto& places : *each)
      more |= places->ledger().tell(journal->log_of(places->cluster()), places->retelling, 500);
  if (more) return loop.post([this] { retell(); });
  journal->snapshot_end();
}

Api::Api(net::Loop& loop, FleetAccess& fleet, ApiOptions options)
    : state_(std::make_unique<State>(loop, fleet, std::move(options))) {
  State& state = *state_;
  if (state.options.owners)
    state.others = std::make_unique<Others>(
        loop, *state.options.owners,
        Others::Options{.token = state.options.peer_token, .ca = state.options.api.ca},
        Others::Here{
            .can_answer = [&state](std::string_view c) { return !state.is_elsewhere(c); },
            .take = [&state](const net::HttpRequest& request,
                             net::HttpReply reply) { state.take(request, std::move(reply)); }});
  if (state.options.owners)
    state.copies = std::make_unique<Copies>(loop, *state.options.owners,
                                            Copies::Options{.stack = state.options.stack,
                                                            .token = state.options.peer_token,
                                                            .ca = state.options.api.ca},
                                            [&state] { state.apply_held(); });
  state.open_journal();
  state.tick_all();
  state.tick = loop.every(100ms, [&state] { state.tick_all(); });
  state.server = std::make_unique<net::HttpServer>(
      loop, [&state](const net::HttpRequest& request, net::HttpReply reply) {
        state.take(request, std::move(reply));
      });
  if (state.others) {
    const auto before = [&state] { return state.tell_before_answering(); };
    state.server->send_together(before);
    state.door = std::make_unique<PeerDoor>(
        loop, state.options.peer_token,
        [&state](const net::HttpRequest& request, net::HttpReply reply) {
          state.take(request, std::move(reply));
        },
        before);
    state.server->on_upgrade([&state](const net::HttpRequest& request, const net::TcpPeer& peer,
                                      net::Descriptor socket) {
      state.door->open(request, peer, std::move(socket), state.gate.is_peer(request));
    });
    state.server->on_upgrade_tls([&state](const net::HttpRequest& request, const net::TcpPeer& peer,
                                          net::Descriptor socket,
                                          std::unique_ptr<net::TlsStream> tls) {
      state.door->open(request, peer, std::move(socket), state.gate.is_peer(request),
                       std::move(tls));
    });
  }
  state.server->on_notice([&state](const std::string& what) {
    if (state.say) state.say(what);
  });
}

Api::~Api() {
  for (const auto& places : state_->clusters) state_->end_ledgers(places->cluster());
  state_->loop.cancel(state_->tick);
}

Expected<std::uint16_t> Api::listen() {
  const ApiSpec& api = state_->options.api;
  if (api.certificate.empty()) return state_->server->listen(api.listen.host, api.listen.port);
  return state_->server->listen_tls(api.listen.host, api.listen.port,
                                    {.certificate = api.certificate, .key = api.key});
}

void Api::apply(std::shared_ptr<const PlacementView> view) { state_->apply(view); }

void Api::turn() {
  State& state = *state_;
  if (!state.options.owners) return;
  state.copies->turn();
  std::erase_if(state.handed_over, [&](const std::string& cluster) {
    return state.options.owners->of(cluster).kind != Ownership::Kind::nobody;
  });
  // What another has placed since is not known here.
  const auto is_lost = [&](const auto& places) {
    return !places->is_applying &&
           state.options.owners->of(places->cluster()).kind == Ownership::Kind::others;
  };
  for (const auto& places : state.clusters)
    if (is_lost(places)) state.end_ledgers(places->cluster());
  const auto lost = std::ranges::stable_partition(state.clusters, std::not_fn(is_lost));
  for (auto& places : lost) state.keep_past(std::move(places));
  state.clusters.erase(lost.begin(), lost.end());
  state.others->turn();
}

void Api::forget(const std::string& cluster) {
  std::erase_if(state_->clusters, [&](const auto& places) { return places->cluster() == cluster; });
}

std::vector<PublishedCluster> Api::published() const {
  using Whose = PublishedCluster::Whose;
  const State& state = *state_;
  std::vector<PublishedCluster> all;
  for (const auto& places : state.clusters) all.push_back(places->ledger().published());
  if (!state.options.owners) return all;
  const auto kind = [&](const auto& cluster) { return state.options.owners->of(cluster).kind; };
  const auto wanted = state.options.owners->wanted();
  // Nobody else can have what we have lost sight of.
  const bool is_alone = state.options.owners->others().empty();
  for (PublishedCluster& one : all) {
    // What the stack has no more is cleared away by its last owner.
    const bool is_over = std::ranges::find(wanted, one.cluster) == wanted.end();
    if (!is_over && !is_alone && kind(one.cluster) != Ownership::Kind::ours)
      one.whose = Whose::nobodys;
  }
  // Of those that we have only just got nothing is known yet.
  for (const std::string& cluster : wanted)
    if (!state.find(cluster))
      all.push_back(
          {.cluster = cluster,
           .whose = kind(cluster) == Ownership::Kind::others ? Whose::others : Whose::nobodys,
           .lines = {}});
  return all;
}

void Api::on_report(std::function<void(SeatReport)> hear) { state_->hear = std::move(hear); }

void Api::on_notice(std::function<void(const std::string&)> say) {
  state_->say = std::move(say);
  for (const std::string& what : std::exchange(state_->unsaid, {})) state_->say(what);
}

void Api::State::take(const net::HttpRequest& request, net::HttpReply reply) {
  ++requests;
  if (take_placement(request, reply)) return;
  ApiCall call{
      request, reply, request.method == "HEAD" ? "GET" : request.method, Caller::stranger, {}};
  route(call);
}

}  // namespace utakata
