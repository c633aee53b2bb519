// SwarmProvider: from launch() to release().
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "fleet/provider/swarm/swarm_order.h"
#include "fleet/provider/swarm/swarm_state.h"

namespace utakata {

Expected<void> SwarmProvider::State::launch(const Id& id, const LaunchSpec& spec) {
  if (find(id)) return {};
  if (spec.image.empty())
    return problem(Problem::Kind::invalid,
                   fmt::format("swarm: cluster {} has no `image`.", spec.cluster));
  LaunchSpec words = spec;  // what is known now: secrets are looked for later
  words.secrets.clear(), words.configs.clear();
  if (const auto order = service_order({}, words); !order) return std::unexpected(order.error());
  own[id].image = spec.image;
  if (has_listed) {
    begin(id, spec);
  } else {
    early.emplace_back(id, spec);
    list();
  }
  return {};
}

void SwarmProvider::State::begin(const Id& id, const LaunchSpec& spec) {
  auto& berth = own.at(id);
  if (berth.stop_asked) {
    berth.end_text = "stopped before it was started";
    return tell_gone(id);
  }
  const auto node = choose_node(spec);
  if (!node) return fail(id, node.error());
  const auto port = choose_port();
  if (!port)
    return fail(id, {Problem::Kind::unavailable,
                     fmt::format("swarm: every port from {} to {} is in use; widen `api: ports`.",
                                 options.ports_first, options.ports_last),
                     true});
  berth.node = (*node)->id;
  berth.host = (*node)->host;
  berth.address = {(*node)->address, port};
  bring_image(id, spec);
}

// The Swarm would choose only after the release, and the address must be told before.
Expected<const SwarmNode*> SwarmProvider::State::choose_node(const LaunchSpec& spec) const {
  std::map<std::string, int> loads;
  for (const auto& [id, berth] : own) ++loads[berth.node];
  const SwarmNode* best = nullptr;
  for (const auto& node : nodes) {
    const bool is_asked_for = (spec.host.empty() || node.host.name == spec.host) &&
                              (spec.zone.empty() || node.host.zone == spec.zone);
    const bool is_open = node.host.is_up && node.host.is_open && !node.address.empty();
    if (!is_asked_for || !is_open || (options.packs && !knows_engine_at(node))) continue;
    if (!best || loads[node.id] < loads[best->id]) best = &node;
  }
  if (best) return best;
  const std::string where = !spec.host.empty()   ? "host " + spec.host
                            : !spec.zone.empty() ? "a host of zone " + spec.zone
                                                 : "any host";
  return problem(Problem::Kind::unavailable,
                 fmt::format("swarm: {} takes no instances now: `docker node ls` shows which are "
                             "ready and active",
                             where),
                 true);
}

// In turn: a port that made trouble is not given again at once. Each stack begins elsewhere in the
// range: two of them on one Swarm seldom want the same.
std::uint16_t SwarmProvider::State::choose_port() {
  std::set<std::uint16_t> taken = busy_ports;
  for (const auto& [id, berth] : own) taken.insert(berth.address.port);
  const std::size_t count = std::size_t(options.ports_last - options.ports_first) + 1;
  const std::size_t from = std::hash<std::string>{}(options.fleet_id) + next_port++;
  for (std::size_t i = 0; i < count; ++i) {
    const auto port = std::uint16_t(options.ports_first + (from + i) % count);
    if (!taken.contains(port)) return port;
  }
  return 0;
}

// Secrets and configs are mounted by their ids.
void SwarmProvider::State::find_named(const Id& id, const LaunchSpec& spec) {
  if (spec.secrets.empty() && spec.configs.empty())
    return create(id, spec, Json::array(), Json::array());
  engine.ask({.path = "/secrets"}, [this, id, spec](const Expected<Json>& secrets) {
    if (!secrets) return fail(id, secrets.error());
    engine.ask({.path = "/configs"},
               [this, id, spec, secrets = *secrets](const Expected<Json>& configs) {
                 if (!configs) return fail(id, configs.error());
                 create(id, spec, secrets, *configs);
               });
  });
}

void SwarmProvider::State::create(const Id& id, const LaunchSpec& spec, const Json& secrets,
                                  const Json& configs) {
  auto& berth = own.at(id);
  if (berth.stop_asked) {
    berth.end_text = "stopped before it was started";
    return tell_gone(id);
  }
  const auto order = service_order({.name = name_of(id),
                                    .fleet_id = options.fleet_id,
                                    .stack = options.stack,
                                    .instance = id.text,
                                    .node = berth.node,
                                    .address = berth.address,
                                    .publishes = options.publishes,
                                    .secrets = secrets,
                                    .configs = configs},
                                   spec);
  if (!order) return fail(id, order.error());
  engine.ask({.method = "POST",
              .path = "/services/create",
              .body = order->dump(-1, ' ', false, Json::error_handler_t::replace)},
             [this, id, spec](const Expected<Json>& answer) { created(id, spec, answer); });
}

void SwarmProvider::State::created(const Id& id, const LaunchSpec& spec,
                                   const Expected<Json>& answer) {
  auto& berth = own.at(id);
  if (!answer && answer.error().kind == Problem::Kind::conflict) return meet_namesake(id, spec);
  if (!answer) {
    wants_services = true;  // it may have been created all the same
    return fail(id, answer.error());
  }
  berth.service = swarm_text(*answer, "/ID");
  if (berth.service.empty())
    return fail(id, {Problem::Kind::unavailable,
                     "swarm: the Engine created a service and did not say which", true});
  berth.listed = list_number;
  berth.phase = TaskPhase::waiting;
  if (berth.stop_asked) return remove(id, "stopped before it was released");
  tell_launched(id, berth);
}

// Of an answer that was lost, or of a former life. What never ran makes room; what runs is it.
void SwarmProvider::State::meet_namesake(const Id& id, const LaunchSpec& spec) {
  engine.ask({.path = "/services/" + name_of(id)}, [this, id, spec](const Expected<Json>& answer) {
    if (!answer) return fail(id, answer.error());
    const auto there = swarm_service(*answer);
    if (there.replicas > 0)
      return fail(id,
                  {Problem::Kind::conflict,
                   fmt::format("swarm: {} runs already, as service {:.12}", id.text, there.id)});
    engine.ask({.method = "DELETE", .path = "/services/" + there.id},
               [this, id, spec](const Expected<Json>& removed) {
                 if (removed) return find_named(id, spec);
                 fail(id, removed.error());
               });
  });
}

// What was made all the same, without our hearing of it, is removed by the next list.
void SwarmProvider::State::fail(const Id& id, const Problem& why) {
  if (own.at(id).stop_asked) {
    own.at(id).end_text = "stopped before it was started";
    return tell_gone(id);
  }
  own.erase(id);
  if (why.retry) list_soon(options.retry_after);
  tell({.kind = ProviderNews::Kind::launch_failed,
        .id = id,
        .handle = {},
        .address = {},
        .what = why.what,
        .retry = why.retry});
}

void SwarmProvider::State::release(const Id& id, const std::string& handle) {
  auto* const berth = find(id);
  if (!berth || berth->phase != TaskPhase::waiting) return;
  if (handle != swarm_handle(berth->service)) return remove(id, "ended before it was released");
  berth->phase = TaskPhase::starting;
  start(id);
}

// To have one replica is a state: asking for it again, where an answer was lost, starts nothing
// twice. The Swarm takes a change only of the version that was read last.
void SwarmProvider::State::start(const Id& id) {
  const auto path = "/services/" + own.at(id).service;
  engine.ask({.path = path}, [this, id, path](const Expected<Json>& answer) {
    auto* const berth = find(id);
    if (!berth || berth->phase != TaskPhase::starting) return;
    if (!answer) return started(id, answer);
    if (berth->stop_asked) return remove(id, "stopped before it was started");
    if (swarm_service(*answer).replicas > 0) return started(id, answer);
    const auto version = Json::json_pointer("/Version/Index");
    if (!answer->contains(version) || !answer->contains("Spec"))
      return started(id, problem(Problem::Kind::unavailable,
                                 "swarm: the Engine tells a service without its version", true));
    Json spec = (*answer)["Spec"];
    spec["Mode"] = {{"Replicated", {{"Replicas", 1}}}};
    engine.ask({.method = "POST",
                .path = fmt::format("{}/update?version={}", path, (*answer)[version].dump()),
                .body = spec.dump(-1, ' ', false, Json::error_handler_t::replace)},
               [this, id](const Expected<Json>& changed) { started(id, changed); });
  });
}

void SwarmProvider::State::started(const Id& id, const Expected<Json>& answer) {
  auto* const berth = find(id);
  if (!berth || berth->phase != TaskPhase::starting) return;
  const bool is_outdated =
      !answer && answer.error().what.find("update out of sequence") != std::string::npos;
  if (is_outdated) return start(id);
  if (!answer && answer.error().retry) {
    berth->retry_timer = loop.after(options.retry_after, [this, id] { start(id); });
    return;
  }
  if (!answer) return remove(id, "could not be started: " + answer.error().what);
  berth->phase = TaskPhase::running;
  berth->listed = list_number;
  if (berth->stop_asked) return terminate(id, berth->kill_at - clock.now());
  list_soon(options.list_every / 4);
}

}  // namespace utakata
