// What is another controller's to answer, and what only all of them together can.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fleet/api/api_state.h"

namespace utakata {
namespace {

using nlohmann::ordered_json;

const char* word_of(Caller caller) {
  return caller == Caller::admin ? "admin" : caller == Caller::placer ? "placer" : "stranger";
}

// Each cluster as its owner shows it.
void merge_clusters(ordered_json& mine, const std::string& text) {
  const ordered_json theirs = ordered_json::parse(text, nullptr, false);
  if (!theirs.is_object() || !theirs.contains("clusters") || !theirs["clusters"].is_array()) return;
  for (const ordered_json& cluster : theirs["clusters"]) {
    if (!cluster.is_object() || cluster.value("ours", ordered_json()) != true) continue;
    for (ordered_json& shown : mine["clusters"])
      if (shown["name"] == cluster.value("name", "") && shown["ours"] != true) shown = cluster;
  }
}

// The sentence of a problem+json.
std::string detail_of(const Others::Answer& answer) {
  if (!answer.result) return answer.result.error().what;
  const ordered_json body = ordered_json::parse(answer.result->body, nullptr, false);
  const auto detail = body.is_object() ? body.value("detail", ordered_json()) : ordered_json();
  return detail.is_string() ? detail.get<std::string>()
                            : fmt::format("it answered {}", answer.result->status);
}

}  // namespace

bool Api::State::is_elsewhere(std::string_view cluster) const {
  return takeovers.is_elsewhere(cluster, find(cluster) != nullptr, now());
}

void Api::State::send_on(ApiCall& call, Others::Passage passage) {
  // What another controller asks of us nobody else is asked for in turn.
  if (gate.is_peer(call.request))
    return send_problem(call.reply,
                        {.status = 421, .detail = passage.cluster + " is not this controller's."},
                        call.cors);
  passage.caller = word_of(call.caller);
  passage.headers = call.cors;
  others->send_on(call.request, std::move(call.reply), std::move(passage));
}

// To another controller, which may come after us.
struct Api::State::LedgerStream {
  LedgerStream(std::string of, net::HttpReply to)
      : cluster(std::move(of)), reply(std::move(to)), writer([this](std::string_view record) {
          if (!is_gone) unwritten += record;
        }) {}
  void push() {
    if (is_gone || unwritten.empty()) return;
    is_gone = !reply.write(unwritten);
    unwritten.clear();
    if (!is_gone) reply.push();
  }
  std::string cluster;
  net::HttpReply reply;
  std::string unwritten;  // of this turn
  PlacementLedger::Telling telling;
  bool is_whole = false;  // all that was held has been told
  bool is_gone = false;
  LedgerWriter writer;
};

void Api::State::tell_ledger(ApiCall& call, const std::string& cluster) {
  Places* const places = find(cluster);
  const Ownership ownership = options.owners->of(cluster);
  if (!places || ownership.kind != Ownership::Kind::ours)
    return send_problem(
        call.reply, {.status = 421, .detail = cluster + " is not this controller's."}, call.cors);
  auto stream = std::make_shared<LedgerStream>(cluster, std::move(call.reply));
  stream->reply.begin(200, "application/octet-stream", "Cache-Control: no-store\r\n");
  stream->writer.head(ownership.tenure, now());
  places->logs().add(&stream->writer);
  ledger_streams.push_back(stream);
  tell_on(stream);
  stream->reply.on_gone([this, weak = std::weak_ptr(stream)] {
    loop.post([this, weak] {
      const auto gone = weak.lock();
      if (!gone) return;
      if (Places* const told = find(gone->cluster)) told->logs().remove(&gone->writer);
      gone->is_gone = true;
      std::erase(ledger_streams, gone);
    });
  });
}

// In slices as all that is long (2,000 x 0.2 us), and no faster than it is read: what happens
// meanwhile must find room in the connection's backlog.
void Api::State::tell_on(const std::weak_ptr<LedgerStream>& to) {
  constexpr int slice = 2000;
  constexpr std::size_t unsent_max = 1024 * 1024;
  const auto stream = to.lock();
  if (!stream || stream->is_gone || stream->is_whole) return;
  Places* const places = find(stream->cluster);
  if (!places) return;
  if (stream->reply.unsent() > unsent_max)
    return void(loop.after(10ms, [this, to] { tell_on(to); }));
  stream->is_whole = !places->ledger().tell(stream->writer, stream->telling, slice);
  if (stream->is_whole) stream->writer.whole();
  stream->push();
  loop.post([this, to] { tell_on(to); });
}

// To the controller that had a cluster before us: it may still place, if it has lost sight of who
// owns what.
void Api::State::tell_taken(const std::string& cluster, const Ownership& ownership) const {
  const std::string former = copies->teller(cluster);
  if (former.empty()) return;
  others->tell(former, fmt::format("/v1/stacks/{}/clusters/{}/ledger", options.stack, cluster),
               ordered_json{{"controller", ownership.controller}}.dump());
}

// The next owner says that it has the cluster: what was given is told to the end, and nothing more
// is.
void Api::State::hand_over(ApiCall& call, const std::string& cluster) {
  if (options.owners->of(cluster).kind == Ownership::Kind::ours)
    return send_problem(call.reply, {.status = 409, .detail = cluster + " is this controller's."},
                        call.cors);
  const ordered_json body = ordered_json::parse(call.request.body, nullptr, false);
  const auto name = body.is_object() ? body.value("controller", ordered_json()) : ordered_json();
  const std::vector<Controller> all = options.owners->others();
  const auto owner = std::ranges::find_if(all, [&](const auto& each) { return name == each.name; });
  if (owner == all.end())
    return send_problem(call.reply,
                        {.status = 400, .detail = "No controller of this stack is called so."},
                        call.cors);
  takeovers.hand_over(cluster);
  end_ledgers(cluster);
  const auto ours = std::ranges::find_if(
      clusters, [&](const auto& places) { return places->cluster() == cluster; });
  if (ours != clusters.end()) {
    auto places = std::move(*ours);
    clusters.erase(ours);
    keep_past(std::move(places));
  }
  others->told(cluster, owner->url);
  copies->owned_by(cluster, owner->url);
  send_json(call.reply, 204, {}, call.cors);
}

// What a client is told the other controllers were told before. False: we stood still in the middle
// of this turn, and somebody else may have given the same seats since.
bool Api::State::tell_before_answering() {
  if (now() - loop.turn_time() > 1s) return false;
  for (const auto& stream : ledger_streams) stream->push();
  return true;
}

void Api::State::end_ledgers(const std::string& cluster) {
  Places* const places = find(cluster);
  for (const auto& stream : ledger_streams) {
    if (stream->cluster != cluster) continue;
    if (places) places->logs().remove(&stream->writer);
    if (places && !stream->is_whole) {
      while (places->ledger().tell(stream->writer, stream->telling, 10'000)) continue;
      stream->writer.whole();
    }
    stream->writer.end();
    stream->push();
    if (!stream->is_gone) stream->reply.end();
  }
  std::erase_if(ledger_streams, [&](const auto& stream) { return stream->cluster == cluster; });
}

bool Api::is_heard() const {
  const State& state = *state_;
  if (!state.options.owners) return true;
  const auto others = std::ptrdiff_t(state.options.owners->others().size());
  return std::ranges::all_of(state.clusters, [&](const auto& places) {
    const std::string& cluster = places->cluster();
    return state.options.owners->of(cluster).kind != Ownership::Kind::ours ||
           std::ranges::count_if(state.ledger_streams, [&](const auto& stream) {
             return stream->cluster == cluster && stream->is_whole && !stream->is_gone;
           }) >= others;
  });
}

void Api::State::apply_kept() {
  for (const auto& view : takeovers.kept()) apply(view);
}

// What each controller does for its own clusters: by the others first, then here. One that has died
// is listed until its lease ends, and is asked until then.
void Api::State::ask_all(ApiCall& call, AdminCall admin) {
  if (!others || gate.is_peer(call.request)) return ask(call, std::move(admin));
  ask_others({.target = std::string(call.request.path),
              .body = std::string(call.request.body),
              .reply = std::make_shared<net::HttpReply>(std::move(call.reply)),
              .admin = std::move(admin),
              .until = now() + 10s});
}

void Api::State::ask_others(const ToAll& all) {
  others->ask_each("POST", all.target, all.body, [this, all](auto answers) {
    for (const Others::Answer& each : answers) {
      if (each.result && each.result->status < 300) continue;
      if (!each.result && now() < all.until)
        return void(loop.after(500ms, [this, all] { ask_others(all); }));
      return send_problem(*all.reply,
                          {.status = each.result ? each.result->status : 502,
                           .detail = fmt::format("The controller {} at {} did not do it: {}",
                                                 each.from.name, each.from.url, detail_of(each))});
    }
    ask(std::move(*all.reply), all.admin);
  });
}

// As each controller shows its own clusters.
void Api::State::ask_status(ApiCall& call) {
  AdminCall admin{.verb = AdminCall::Verb::status};
  if (!others || gate.is_peer(call.request)) return ask(call, std::move(admin));
  const std::string target(call.request.path);
  auto reply = std::make_shared<net::HttpReply>(std::move(call.reply));
  others->ask_each("GET", target, "", [this, reply, admin](auto answers) {
    fleet.ask(admin, [reply, answers = std::move(answers)](Expected<std::string> own) {
      if (!own) return send_problem(*reply, {.status = 503, .detail = own.error().what});
      ordered_json all = ordered_json::parse(*own);
      ordered_json controllers = ordered_json::array();
      for (const Others::Answer& each : answers) {
        const bool answers_us = each.result && each.result->status == 200;
        controllers.push_back({{"name", each.from.name},
                               {"url", each.from.url},
                               {"problem", answers_us ? "" : detail_of(each)}});
        if (answers_us) merge_clusters(all, each.result->body);
      }
      all["others"] = std::move(controllers);
      send_json(*reply, 200, all.dump());
    });
  });
}

}  // namespace utakata
