// SwarmProvider: stop(), and what an end says.
#include <fmt/format.h>

#include <utility>

#include "fleet/provider/swarm/swarm_state.h"

namespace utakata {

Expected<void> SwarmProvider::State::stop(const Id& id, Duration grace) {
  auto* const berth = find(id);
  if (!berth) return {};
  const bool is_first = !std::exchange(berth->stop_asked, true);
  const bool is_sooner = is_first || clock.now() + grace < berth->kill_at;
  if (is_sooner) berth->kill_at = clock.now() + grace;
  switch (berth->phase) {
    case TaskPhase::waiting:
      remove(id, "stopped before it was released");
      break;
    case TaskPhase::running:
    case TaskPhase::ending:
      if (is_sooner) terminate(id, grace);
      break;
    case TaskPhase::creating:  // it stops as soon as it is known
    case TaskPhase::starting:
    case TaskPhase::searching:
    case TaskPhase::dying:
    case TaskPhase::removing:
      break;
  }
  return {};
}

// By the Engine of its host where we know it: at once, and the grace is counted here, so that a
// later order may shorten it. Otherwise by removing its service, on which the Swarm sends SIGTERM
// two to three seconds later (it lets the news spread first), and SIGKILL after the grace that the
// service was created with.
void SwarmProvider::State::terminate(const Id& id, Duration grace) {
  auto& berth = own.at(id);
  loop.cancel(berth.kill_timer);
  if (grace <= Duration{0}) return kill_now(id);
  berth.kill_timer = loop.after(grace, [this, id] { kill_now(id); });
  Engine* const direct = engine_at(berth.host.name);
  if (direct && !berth.container.empty()) return signal(id, *direct, "SIGTERM");
  if (berth.phase == TaskPhase::running) remove(id, "stopped");
}

void SwarmProvider::State::kill_now(const Id& id) {
  auto& berth = own.at(id);
  berth.kill_sent = true;
  Engine* const direct = engine_at(berth.host.name);
  if (direct && !berth.container.empty()) signal(id, *direct, "SIGKILL");
  if (berth.phase == TaskPhase::running) remove(id, "stopped");
}

void SwarmProvider::State::signal(const Id& id, Engine& direct, const char* name) {
  direct.ask({.method = "POST",
              .path = fmt::format("/containers/{}/kill?signal={}", own.at(id).container, name)},
             [this, id](const Expected<Json>& answer) {
               if (answer || !answer.error().retry) return;  // dead already: its news is on the way
               auto* const berth = find(id);
               if (berth && berth->phase == TaskPhase::running) remove(id, "stopped");
             });
}

void SwarmProvider::State::remove(const Id& id, std::string text) {
  auto& berth = own.at(id);
  berth.phase = TaskPhase::removing;
  berth.end_text = std::move(text);
  removed_services.insert(berth.service);
  engine.ask({.method = "DELETE", .path = "/services/" + berth.service},
             [this, id](const Expected<Json>& answer) { removed(id, answer); });
}

void SwarmProvider::State::removed(const Id& id, const Expected<Json>& answer) {
  auto* const berth = find(id);
  if (!berth || berth->phase != TaskPhase::removing) return;  // its host was lost meanwhile
  if (!answer && answer.error().kind != Problem::Kind::not_found) {
    note_answer(std::unexpected(answer.error()));
    berth->retry_timer = loop.after(
        options.retry_after, [this, id] { remove(id, std::exchange(own.at(id).end_text, {})); });
    return;
  }
  berth->phase = TaskPhase::ending;
  berth->listed = list_number;  // the next list tells whether any of its tasks is left
  list();
}

// Ended services are removed for their name; what fails is tried by the next list.
void SwarmProvider::State::remove_leftover(const std::string& service) {
  removed_services.insert(service);
  engine.ask({.method = "DELETE", .path = "/services/" + service},
             [this, service](const Expected<Json>& answer) {
               if (answer || answer.error().kind == Problem::Kind::not_found)
                 removed_services.erase(service);
             });
}

// Nothing of it runs any more. The service goes after its last words: its output goes with it.
void SwarmProvider::State::died(const Id& id, std::string text) {
  auto& berth = own.at(id);
  loop.cancel(berth.kill_timer);
  berth.phase = TaskPhase::dying;
  berth.end_text = std::move(text);
  if (berth.kill_sent) berth.end_text += ", because it did not end by itself within its grace";
  if (!berth.log && !berth.stop_asked) follow_log(id);
  const auto patience = berth.stop_asked ? Duration{0} : options.words_patience;
  berth.retry_timer = loop.after(patience, [this, id] {
    auto& dead = own.at(id);
    const auto said = dead.stop_asked ? std::string() : last_words(log_of(id));
    if (!said.empty() && !dead.end_text.starts_with("exit code 0"))
      dead.end_text += "; it said: " + said;
    tell_gone(id);
  });
}

// The Swarm takes what ran there for dead, and so do we. It ends what is left of it, of which the
// service is removed, when the host is back; nothing of it comes back to life.
void SwarmProvider::State::lost(const Id& id) {
  auto& berth = own.at(id);
  berth.end_text = fmt::format("its host {} is lost", berth.host.name);
  tell_gone(id);
}

void SwarmProvider::State::tell_gone(const Id& id) {
  const auto node = own.extract(id);
  const Berth& berth = node.mapped();
  loop.cancel(berth.kill_timer);
  loop.cancel(berth.retry_timer);
  const bool is_left = berth.phase != TaskPhase::ending && !berth.service.empty();
  if (is_left) remove_leftover(berth.service);
  tell({.kind = ProviderNews::Kind::gone,
        .id = id,
        .handle = berth.service.empty() ? std::string() : swarm_handle(berth.service),
        .address = {},
        .what = berth.end_text,
        .host = berth.host.name,
        .zone = berth.host.zone});
  ended_logs.add(log_of(id));
}

}  // namespace utakata
