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
      secret(options.place_secret ? *options.place_secret : random_secret()),
      takeovers(options.owners) {}

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
  if (takeovers.is_over(view.cluster)) end_over();
  Places* places = find(view.cluster);
  if (!places) {
    // It was on its way when the cluster went to another.
    if (options.owners && options.owners->of(view.cluster).kind != Ownership::Kind::ours) return;
    if (waits(whole)) return;
    places = &take_up(view);
  }
  places->apply_begin(whole, now());
  if (!std::exchange(places->is_applying, true)) apply_on(view.cluster);
}

// The former owner of a cluster may not have told all yet, and may not know that it is over: it is
// told so, and ends. One that stands still does not; nor does one that is cut off.
bool Api::State::waits(const std::shared_ptr<const PlacementView>& view) {
  if (!copies) return false;
  const Ownership ownership = options.owners->of(view->cluster);
  const auto begun = takeovers.begin(view, copies->told(view->cluster, ownership.tenure),
                                     !copies->teller(view->cluster).empty(), now());
  if (begun.is_new) tell_taken(view->cluster, ownership);
  return begun.waits;
}

// What another has placed since is not known here.
void Api::State::end_over() {
  const auto is_over = [&](const auto& places) { return takeovers.is_over(places->cluster()); };
  for (const auto& places : clusters)
    if (is_over(places)) end_ledgers(places->cluster());
  const auto lost = std::ranges::stable_partition(clusters, std::not_fn(is_over));
  for (auto& places : lost) keep_past(std::move(places));
  clusters.erase(lost.begin(), lost.end());
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
  const auto of_past = [&] {
    return std::ranges::find_if(past, [&](const auto& p) { return p->cluster() == view.cluster; });
  };
  using Told = Takeovers::Told;
  const Told told =
      copies ? copies->told(view.cluster, options.owners->of(view.cluster).tenure) : Told::none;
  const bool has_past = options.seats_path.empty() || (journal && journal->has_past());
  const auto source = takeovers.take_up(view.cluster, told, of_past() != past.end(), has_past);
  if (source.is_copy && of_past() != past.end()) past.erase(of_past());
  if (const auto known = of_past(); known != past.end()) {
    clusters.push_back(std::move(*known));
    past.erase(known);
  } else {
    make(view.cluster, clusters);
    if (source.is_copy) copies->replay(view.cluster, *clusters.back()->ledger().replay(now()));
    if (journal) {
      clusters.back()->logs().add(&journal->log_of(view.cluster));
      if (source.is_copy) clusters.back()->ledger().dump(journal->log_of(view.cluster));
    }
  }
  if (copies) copies->forget(view.cluster);
  Instant until{};
  if (!source.is_complete) until = now() + view.hold;
  const bool is_inherited = !options.owners || options.owners->of(view.cluster).is_inherited;
  if (journal && is_inherited) until = std::max(until, journal->past_lost_until());
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
  takeovers.tick(now());
  wall_offset = clock.wall().time_since_epoch() - clock.now().time_since_epoch();
  bool more = false;
  for (const auto& places : clusters) more |= places->ledger().expire(now(), 1000);
  apply_kept();
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
                                            [&state] { state.apply_kept(); });
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
  state.takeovers.turn();
  state.end_over();
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
