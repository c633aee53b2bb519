// DockerProvider: stop(), and what a death says.
#include <fmt/format.h>
#include <signal.h>

#include "fleet/provider/docker/docker_state.h"
#include "fleet/provider/docker/exit_text.h"

namespace utakata {

Expected<void> DockerProvider::State::stop(const InstanceId& id, Duration grace) {
  auto* const box = find(id);
  if (!box) return {};
  const bool is_first = !std::exchange(box->stop_asked, true);
  const bool is_sooner = is_first || clock.now() + grace < box->kill_at;
  if (is_sooner) box->kill_at = clock.now() + grace;
  switch (box->phase) {
    case BoxPhase::waiting:
      remove(id, "stopped before it was released");
      break;
    case BoxPhase::running:
      if (is_sooner) terminate(id, grace);
      break;
    case BoxPhase::creating:  // it stops as soon as it is known
    case BoxPhase::starting:
    case BoxPhase::searching:
    case BoxPhase::removing:
    case BoxPhase::ending:
      break;
  }
  return {};
}

// The grace is counted here, so that a later order may shorten it. Where the Engine is away the
// signals are lost: the list after its return asks for them again.
void DockerProvider::State::terminate(const InstanceId& id, Duration grace) {
  auto& box = own.at(id);
  loop.cancel(box.kill_timer);
  if (grace <= Duration{0}) return kill_now(id);
  signal(id, "SIGTERM");
  box.kill_timer = loop.after(grace, [this, id] { kill_now(id); });
}

void DockerProvider::State::kill_now(const InstanceId& id) {
  auto& box = own.at(id);
  if (box.phase != BoxPhase::running) return;
  box.kill_sent = true;
  signal(id, "SIGKILL");
}

void DockerProvider::State::signal(const InstanceId& id, const char* name) {
  engine.ask({.method = "POST",
              .path = fmt::format("/containers/{}/kill?signal={}", own.at(id).container, name)},
             [this, id](const Expected<Json>& answer) {
               if (answer || !answer.error().retry) return;  // dead already: its news is on the way
               note_answer(answer);
               if (auto* const box = find(id)) box->is_signal_lost = true;
               list_soon(options.retry_after);
             });
}

// Of one that never ran: it is told gone when it is not there any more.
void DockerProvider::State::remove(const InstanceId& id, std::string text) {
  auto& box = own.at(id);
  box.phase = BoxPhase::removing;
  box.end_text = std::move(text);
  engine.ask({.method = "DELETE", .path = "/containers/" + box.container + "?force=1&v=1"},
             [this, id](const Expected<Json>& answer) {
               if (answer || answer.error().kind == Problem::Kind::not_found) return tell_gone(id);
               note_answer(answer);
               own.at(id).words_timer = loop.after(options.retry_after, [this, id] {
                 remove(id, std::exchange(own.at(id).end_text, {}));
               });
             });
}

// Dead ones are removed for their name and their disk; what fails is tried by the next list.
void DockerProvider::State::remove_leftover(const std::string& container) {
  engine.ask({.method = "DELETE", .path = "/containers/" + container + "?force=1&v=1"},
             [](const Expected<Json>&) {});
}

void DockerProvider::State::died(const InstanceId& id, std::string text) {
  auto& box = own.at(id);
  loop.cancel(box.kill_timer);
  insides.erase(docker_handle(box.container));
  box.phase = BoxPhase::ending;
  box.end_text = std::move(text);
  if (!box.log) follow_log(id);
  box.words_timer = loop.after(options.words_patience, [this, id] {
    if (!own.at(id).stop_asked) tell_end(id);
    own.at(id).words_timer = loop.after(options.output_patience, [this, id] { finish(id); });
  });
}

std::string DockerProvider::State::end_of(const Box& box, int code) const {
  std::string text = exit_text(code);
  if (code != 128 + SIGKILL) return text;
  if (box.kill_sent) return text + ", because it did not end by itself within its grace";
  if (box.was_out_of_memory) return text + ", because it used more memory than its limit";
  return text;
}

void DockerProvider::State::tell_end(const InstanceId& id) {
  auto& box = own.at(id);
  if (std::exchange(box.is_told, true)) return;
  if (!box.stop_asked && !box.end_text.starts_with("exit code 0")) {
    const auto said = last_words(log_of(id));
    if (!said.empty()) box.end_text += "; it said: " + said;
  }
  tell({.kind = ProviderNews::Kind::gone,
        .id = id,
        .handle = box.container.empty() ? std::string() : docker_handle(box.container),
        .address = {},
        .what = box.end_text});
}

// A death is told at once; the end of one that was stopped when nothing of it is left, for we may
// end with the last of them. What cannot be removed now is so by a later list.
void DockerProvider::State::finish(const InstanceId& id) {
  Box& dead = own.at(id);
  if (dead.stop_asked && !dead.is_told && !dead.is_removed && !dead.is_foreign &&
      !dead.container.empty()) {
    loop.cancel(dead.words_timer);
    dead.phase = BoxPhase::removing;
    engine.ask({.method = "DELETE", .path = "/containers/" + dead.container + "?force=1&v=1"},
               [this, id](const Expected<Json>&) {
                 own.at(id).is_removed = true;
                 finish(id);
               });
    return;
  }
  tell_end(id);
  const auto node = own.extract(id);
  const Box& box = node.mapped();
  loop.cancel(box.kill_timer);
  loop.cancel(box.words_timer);
  if (box.address.port) ports.give_back(box.address.port);
  if (!box.container.empty() && !box.is_foreign) remove_leftover(box.container);
  ended_logs.add(log_of(id));
}

// Nothing of it is left in the Engine.
void DockerProvider::State::tell_gone(const InstanceId& id) {
  own.at(id).stop_asked = true;  // it said nothing that matters
  own.at(id).log.reset();
  insides.erase(docker_handle(own.at(id).container));
  tell_end(id);
  own.at(id).container.clear();
  finish(id);
}

}  // namespace utakata
