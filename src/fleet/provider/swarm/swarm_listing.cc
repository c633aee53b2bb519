// SwarmProvider: what the Swarm tells of its hosts, services and tasks, by lists.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fleet/provider/swarm/swarm_state.h"

namespace utakata {

void SwarmProvider::State::adopt(const Id& id, const std::string& handle, const Address& address) {
  if (const auto* const known = find(id)) {
    const bool is_there = known->phase == TaskPhase::waiting ||
                          known->phase == TaskPhase::starting || known->phase == TaskPhase::running;
    if (handle.empty() && is_there) tell_launched(id, *known);  // nobody may have listened then
    return;
  }
  auto& berth = own[id];
  berth.phase = TaskPhase::searching;
  berth.service = service_of(handle);
  berth.address = address;
  berth.listed = list_number;
  wants_services = true;
  list();
}

// Of the feed nothing is used but that something has happened.
void SwarmProvider::State::follow(Engine& from, const std::string& filters) {
  from.follow(
      "/events?filters=" + query_escaped(filters), [this](std::string_view) { list(); },
      [this, &from, filters, still = std::weak_ptr(alive)](const Problem&) {
        loop.after(options.retry_after, [this, &from, filters, still] {
          if (!still.expired()) follow(from, filters);
        });
      });
}

void SwarmProvider::State::list_soon(Duration after) {
  loop.cancel(list_timer);
  list_timer = loop.after(after, [this] { list(); });
}

// One at a time; who asks meanwhile gets one that was begun after that. Hosts come first: what a
// task does on a lost one is not known.
void SwarmProvider::State::list() {
  if (is_listing) {
    lists_again = true;
    return;
  }
  is_listing = true;
  loop.cancel(list_timer);
  ++list_number;
  if (local_node.empty()) return ask_list("/info", &State::take_info);
  ask_list("/nodes", &State::take_nodes);
}

void SwarmProvider::State::ask_list(std::string path,
                                    void (State::*take)(const Json&, std::uint64_t)) {
  const bool is_list = path != "/info";
  engine.ask({.path = std::move(path)},
             [this, take, is_list, number = list_number](const Expected<Json>& answer) {
               if (!answer) return end_list(std::unexpected(answer.error()));
               if (is_list && !answer->is_array())
                 return end_list(
                     problem(Problem::Kind::refused, "swarm: what the Engine lists is not a list"));
               (this->*take)(*answer, number);
             });
}

void SwarmProvider::State::take_info(const Json& info, std::uint64_t) {
  const auto is_manager = Json::json_pointer("/Swarm/ControlAvailable");
  if (!info.contains(is_manager) || info[is_manager] != true)
    return end_list(problem(
        Problem::Kind::unavailable,
        fmt::format("swarm: the Engine at {} is no manager of a Swarm: name one that is by `swarm: "
                    "{{ host: ... }}`, or make it one by `docker swarm init`",
                    to_text(options.engine)),
        true));
  local_node = swarm_text(info, "/Swarm/NodeID");
  ask_list("/nodes", &State::take_nodes);
}

void SwarmProvider::State::take_nodes(const Json& list, std::uint64_t number) {
  nodes = swarm_nodes(list, options.zone_label);
  std::vector<Id> lost_ones;
  for (auto& [id, berth] : own) {
    const bool is_placed = berth.phase != TaskPhase::creating &&
                           berth.phase != TaskPhase::searching && berth.phase != TaskPhase::dying;
    const auto* const node = node_by_id(berth.node);
    if (is_placed && berth.listed < number && (!node || !node->host.is_up)) lost_ones.push_back(id);
  }
  for (const auto& id : lost_ones) lost(id);
  const bool is_due = std::exchange(wants_services, false) || clock.now() >= services_at;
  if (!is_due) return ask_list("/tasks?filters=" + our_label(), &State::take_tasks);
  services_at = clock.now() + options.services_every;
  ask_list("/services?filters=" + our_label(), &State::take_services);
}

void SwarmProvider::State::take_services(const Json& list, std::uint64_t number) {
  std::vector<Id> missing;
  for (const auto& [id, berth] : own)
    if (berth.listed < number) missing.push_back(id);
  for (const Json& listed : list) {
    const auto service = swarm_service(listed);
    const Id id{service.instance};
    const auto* const berth = find(id);
    if (!berth || (!berth->service.empty() && berth->service != service.id &&
                   berth->phase != TaskPhase::searching)) {
      take_unknown(service);
      continue;
    }
    const bool is_judged = std::erase(missing, id) > 0;
    if (is_judged && berth->phase == TaskPhase::searching) found(id, service);
  }
  for (const Id& id : missing) service_missing(id);
  ask_list("/tasks?filters=" + our_label(), &State::take_tasks);
}

void SwarmProvider::State::found(const Id& id, const SwarmService& service) {
  auto& berth = own.at(id);
  const bool had_handle = !berth.service.empty();
  const bool is_another = had_handle && service.id != berth.service;
  berth.service = service.id;
  berth.node = service.node;
  // Who still waited for its release waited for a controller that is no more.
  if (service.replicas == 0 || is_another) return remove(id, "was never started");
  const auto* const node = node_by_id(service.node);
  if (node) berth.host = node->host;
  if (!berth.address.port) berth.address = service.address;
  berth.phase = TaskPhase::running;
  if (!node || !node->host.is_up) return lost(id);
  if (berth.stop_asked) return terminate(id, berth.kill_at - clock.now());
  if (had_handle) return;
  tell_launched(id, berth);
}

void SwarmProvider::State::tell_launched(const Id& id, const Berth& berth) {
  tell({.kind = ProviderNews::Kind::launched,
        .id = id,
        .handle = swarm_handle(berth.service),
        .address = berth.address,
        .what = {},
        .host = berth.host.name,
        .zone = berth.host.zone});
}

void SwarmProvider::State::service_missing(const Id& id) {
  auto& berth = own.at(id);
  switch (berth.phase) {
    case TaskPhase::searching:
      berth.end_text = berth.service.empty() ? "was never started" : "ended while nobody watched";
      berth.service.clear();
      return tell_gone(id);
    case TaskPhase::waiting:
    case TaskPhase::starting:
    case TaskPhase::running:
      return remove(id, "its service was removed");
    case TaskPhase::creating:  // its name is taken when the answer comes
    case TaskPhase::dying:
    case TaskPhase::removing:
    case TaskPhase::ending:
      return;
  }
}

// Ours by its mark, and nobody's by our record: of a launch that was not recorded or whose answer
// was lost, or dead and told already.
void SwarmProvider::State::take_unknown(const SwarmService& service) {
  if (service.id.empty() || !options.is_ours(service.instance)) return;
  if (service.replicas > 0 && !removed_services.contains(service.id))
    options.say(fmt::format(
        "removed {} (service {:.12}): it carried this store's mark, but no record names it",
        service.instance, service.id));
  remove_leftover(service.id);
}

void SwarmProvider::State::take_tasks(const Json& list, std::uint64_t number) {
  std::unordered_map<std::string, std::vector<SwarmTask>> by_service;
  busy_ports.clear();
  for (const Json& listed : list) {
    auto task = swarm_task(listed);
    if (!is_over(task)) busy_ports.insert(task.port);
    by_service[task.service].push_back(std::move(task));
  }
  std::vector<Id> all;
  for (const auto& [id, berth] : own)
    if (berth.listed < number) all.push_back(id);
  for (const Id& id : all) judge(id, by_service[own.at(id).service]);
  end_list({});
}

void SwarmProvider::State::judge(const Id& id, const std::vector<SwarmTask>& tasks) {
  auto& berth = own.at(id);
  const bool is_all_over = std::ranges::all_of(tasks, is_over);
  if (berth.phase == TaskPhase::ending && is_all_over) return tell_gone(id);
  if (berth.phase != TaskPhase::running) return;
  if (tasks.empty()) {
    if (berth.was_seen) died(id, "the Swarm has removed its task");
    return;
  }
  // There is one, unless somebody had the service updated: then the newest is it.
  const auto& task = *std::ranges::max_element(tasks, {}, &SwarmTask::created);
  berth.was_seen = true;
  if (is_all_over) return died(id, end_of(task, berth.host.name, berth.image));
  if (!task.container.empty()) berth.container = task.container;
  if (task.state == "running" && !berth.log) follow_log(id);
  if (task.state != "pending" || task.error.empty()) {
    berth.unplaced_since.reset();
    return;
  }
  const auto since = berth.unplaced_since.value_or(clock.now());
  berth.unplaced_since = since;
  if (clock.now() - since >= options.place_patience)
    remove(id, fmt::format("the Swarm finds no place for it on host {}: {}", berth.host.name,
                           task.error));
}

void SwarmProvider::State::end_list(const Expected<void>& outcome) {
  is_listing = false;
  note_answer(outcome);
  const bool was_first = outcome && !std::exchange(has_listed, true);
  // Who came too early is told why there is nothing, too.
  for (auto& [id, spec] : std::exchange(early, {})) {
    if (outcome)
      begin(id, spec);
    else
      fail(id, outcome.error());
  }
  if (was_first && wake) wake();  // there are hosts now
  if (std::exchange(lists_again, false) && outcome) return list();
  list_soon(outcome ? options.list_every : options.retry_after);
}

void SwarmProvider::State::note_answer(const Expected<void>& answer) {
  answer ? notice.answered() : notice.failed(answer.error());
}

// Of a service's tasks, which is one: also where its host's Engine is not known.
void SwarmProvider::State::follow_log(const Id& id) {
  auto& berth = own.at(id);
  berth.log =
      std::make_unique<LogFollow>(engine, "/services/" + berth.service, log_of(id), [this, id] {
        // Not from within itself.
        loop.post([this, id, still = std::weak_ptr(alive)] {
          auto* const one = still.expired() ? nullptr : find(id);
          if (one) one->log.reset();
        });
      });
}

}  // namespace utakata
