// DockerProvider: what the Engine tells of its containers, by events and by lists.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "fleet/provider/docker/docker_state.h"

namespace utakata {
namespace {

using Json = Engine::Json;
using namespace nlohmann::literals;

constexpr std::size_t event_bytes_max = 1 << 20;

int number_in(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Of the network that it was given: the bridge.
std::string address_in(const Json& container) {
  const auto at = "/NetworkSettings/Networks/bridge/IPAddress"_json_pointer;
  return container.contains(at) && container[at].is_string() ? container[at].get<std::string>()
                                                             : std::string();
}

}  // namespace

void DockerProvider::State::adopt(const InstanceId& id, const std::string& handle,
                                  const Address& address) {
  if (const Box* const known = find(id)) {
    const bool is_there = known->phase == BoxPhase::waiting || known->phase == BoxPhase::starting ||
                          known->phase == BoxPhase::running;
    if (handle.empty() && is_there) tell_launched(id, *known);  // nobody may have listened then
    return;
  }
  Box& box = own[id];
  box.phase = BoxPhase::searching;
  box.container = container_of(handle);
  box.address = address;
  box.listed = list_number;
  if (address.port) ports.keep(address.port);
  list();
}

void DockerProvider::State::tell_launched(const InstanceId& id, const Box& box) {
  tell({.kind = ProviderNews::Kind::launched,
        .id = id,
        .handle = docker_handle(box.container),
        .address = box.address,
        .what = {}});
}

std::string DockerProvider::State::filters(const char* events) const {
  Json filters = {{"label", {"utakata.fleet=" + options.fleet_id}}};
  // Of all containers: who was adopted has no label of ours.
  if (events) filters = {{"type", {"container"}}, {"event", {"die", "oom"}}};
  return query_escaped(filters.dump());
}

void DockerProvider::State::follow_events() {
  event_bytes.clear();
  engine.follow(
      "/events?filters=" + filters("events"),
      [this](std::string_view bytes) {
        if (bytes.empty()) return list();  // what happened before is not told
        take_events(bytes);
      },
      [this](const Problem& why) {
        note_answer(std::unexpected(why));
        events_timer = loop.after(options.retry_after, [this] { follow_events(); });
      });
}

// One JSON object a line. A line that is none is passed over: the lists tell the same.
void DockerProvider::State::take_events(std::string_view bytes) {
  event_bytes += bytes;
  std::size_t from = 0;
  for (std::size_t end; (end = event_bytes.find('\n', from)) != std::string::npos; from = end + 1)
    take_event(Json::parse(event_bytes.begin() + std::ptrdiff_t(from),
                           event_bytes.begin() + std::ptrdiff_t(end), nullptr, false));
  event_bytes.erase(0, from);
  if (event_bytes.size() > event_bytes_max) event_bytes.clear();
}

void DockerProvider::State::take_event(const Json& event) {
  if (!event.is_object()) return;
  const auto actor = event.value("Actor", Json());
  const auto container = text_at(actor, "ID");
  const auto found = by_container(container);
  if (found == own.end()) return;
  const InstanceId id = found->first;
  Box& box = found->second;
  if (text_at(event, "Action") == "oom") box.was_out_of_memory = true;
  if (text_at(event, "Action") != "die") return;
  if (box.phase != BoxPhase::running && box.phase != BoxPhase::starting) return;
  died(id, end_of(box, number_in(text_at(actor.value("Attributes", Json()), "exitCode"))));
}

void DockerProvider::State::list_soon(Duration after) {
  loop.cancel(list_timer);
  list_timer = loop.after(after, [this] { list(); });
}

// One at a time; who asks meanwhile gets one that was begun after that.
void DockerProvider::State::list() {
  if (is_listing) {
    lists_again = true;
    return;
  }
  is_listing = true;
  loop.cancel(list_timer);
  engine.ask({.path = "/containers/json?all=1&filters=" + filters(nullptr)},
             [this, number = ++list_number](Expected<Json> answer) {
               if (answer && answer->is_array() && !unlisted(*answer).empty())
                 return list_unlisted(std::move(*answer), number);
               listed(std::move(answer), number);
             });
}

void DockerProvider::State::list_unlisted(Json list, std::uint64_t number) {
  const Json filters = {{"id", unlisted(list)}};
  engine.ask({.path = "/containers/json?all=1&filters=" + query_escaped(filters.dump())},
             [this, list = std::move(list), number](Expected<Json> answer) mutable {
               if (answer && answer->is_array())
                 for (Json& one : *answer) list.push_back(std::move(one));
               listed(answer && answer->is_array() ? Expected<Json>(std::move(list)) : answer,
                      number);
             });
}

void DockerProvider::State::listed(Expected<Json> answer, std::uint64_t number) {
  is_listing = false;
  if (answer && !answer->is_array())
    answer = problem(Problem::Kind::refused, "docker: what the Engine lists is not a list");
  note_answer(answer);
  const bool is_list = answer.has_value();
  if (is_list) take_list(*answer, number);
  if (std::exchange(lists_again, false) && is_list) return list();
  list_soon(is_list ? options.list_every : options.retry_after);
}

void DockerProvider::State::note_answer(const Expected<Json>& answer) {
  answer ? notice.answered() : notice.failed(answer.error());
}

void DockerProvider::State::take_list(const Json& list, std::uint64_t number) {
  std::vector<InstanceId> missing;
  for (const auto& [id, box] : own)
    if (box.listed < number) missing.push_back(id);
  for (const Json& listed : list) {
    const auto labels = listed.is_object() ? listed.value("Labels", Json()) : Json();
    const auto instance = text_at(labels, "utakata.instance");
    const auto adopted = by_container(text_at(listed, "Id"));
    const bool is_foreign = instance.empty() && adopted != own.end();
    const InstanceId id = is_foreign ? adopted->first : InstanceId{instance};
    auto* const box = find(id);
    if (box && is_foreign) box->is_foreign = true;
    if (!box) {
      if (!instance.empty()) take_unknown(listed, instance);
      continue;
    }
    const bool is_judged = std::erase(missing, id) > 0;
    if (is_judged) take_listed(id, listed);
  }
  for (const InstanceId& id : missing) take_missing(id);
}

void DockerProvider::State::take_listed(const InstanceId& id, const Json& listed) {
  Box& box = own.at(id);
  const auto state = text_at(listed, "State");
  const bool is_over = state == "exited" || state == "dead" || state == "removing";
  switch (box.phase) {
    case BoxPhase::searching:
      return found(id, listed);
    case BoxPhase::running:
      if (is_over) return died(id, "ended while the Engine told nothing");
      if (std::exchange(box.is_signal_lost, false)) return terminate(id, box.kill_at - clock.now());
      if (!box.log) follow_log(id);
      look_inside(id);
      return;
    case BoxPhase::creating:
    case BoxPhase::waiting:
    case BoxPhase::starting:
    case BoxPhase::removing:
    case BoxPhase::ending:
      return;
  }
}

void DockerProvider::State::found(const InstanceId& id, const Json& listed) {
  Box& box = own.at(id);
  const bool had_handle = !box.container.empty();
  const auto state = text_at(listed, "State");
  const auto container = text_at(listed, "Id");
  const int port = number_in(text_at(listed.value("Labels", Json()), "utakata.port"));
  // Who still waited for its release waited for a controller that is no more.
  if (state == "created" || (had_handle && container != box.container)) {
    box.container = container;
    return remove(id, "was never started");
  }
  box.container = container;
  if (state == "exited" || state == "dead" || state == "removing")
    return died(id, fmt::format("ended while nobody watched: {}", text_at(listed, "Status")));
  box.phase = BoxPhase::running;
  if (!box.address.port && port > 0 && port < 65536) {
    box.address = {options.advertise, std::uint16_t(port)};
    ports.keep(box.address.port);
  }
  follow_log(id);
  look_inside(id);
  if (box.stop_asked) return terminate(id, box.kill_at - clock.now());
  if (had_handle) return;
  tell_launched(id, box);
}

void DockerProvider::State::take_missing(const InstanceId& id) {
  Box& box = own.at(id);
  switch (box.phase) {
    case BoxPhase::searching:
      box.end_text = box.container.empty() ? "was never started" : "ended while nobody watched";
      return tell_gone(id);
    case BoxPhase::waiting:
    case BoxPhase::starting:
    case BoxPhase::running:
      box.end_text = "its container was removed";
      return tell_gone(id);
    case BoxPhase::creating:  // its name is taken when the answer comes
    case BoxPhase::removing:
    case BoxPhase::ending:
      return;
  }
}

// Ours by its mark, and nobody's by our record: of a launch that was not recorded or whose answer
// was lost, or dead and told already.
void DockerProvider::State::take_unknown(const Json& listed, const std::string& instance) {
  const auto container = text_at(listed, "Id");
  if (container.empty() || !options.is_ours(instance)) return;
  if (text_at(listed, "State") == "running")
    options.say(
        fmt::format("removed {} (container {:.12}): it carried this store's mark, but no "
                    "record names it",
                    instance, container));
  remove_leftover(container);
}

// Once is enough: a container that runs keeps its network. What fails is asked again with the next
// list.
void DockerProvider::State::look_inside(const InstanceId& id) {
  const auto handle = docker_handle(own.at(id).container);
  if (!options.publishes || insides.contains(handle)) return;
  engine.ask({.path = "/containers/" + own.at(id).container + "/json"},
             [this, id, handle](const Expected<Json>& answer) {
               const auto* const box = find(id);
               if (!answer || !box || box->phase != BoxPhase::running) return;
               const auto pid_at = "/State/Pid"_json_pointer;
               const int pid = answer->contains(pid_at) && (*answer)[pid_at].is_number()
                                   ? (*answer)[pid_at].get<int>()
                                   : 0;
               const auto host = address_in(*answer);
               if (pid > 0 && !host.empty()) insides[handle] = {pid, host};
             });
}

void DockerProvider::State::follow_log(const InstanceId& id) {
  Box& box = own.at(id);
  box.log =
      std::make_unique<LogFollow>(engine, "/containers/" + box.container, log_of(id), [this, id] {
        auto* const one = find(id);
        if (!one) return;
        // Not from within itself.
        loop.post([this, id, still = std::weak_ptr(alive)] {
          auto* const ended = still.expired() ? nullptr : find(id);
          if (!ended) return;
          ended->log.reset();
          if (ended->phase == BoxPhase::ending) finish(id);
        });
      });
}

}  // namespace utakata
