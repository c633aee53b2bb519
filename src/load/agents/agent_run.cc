#include "load/agents/agent_run.h"

#include <fmt/format.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

namespace utakata::load {
namespace {

constexpr std::size_t kMessageBytesMax = 65 * 1024 * 1024;  // a worker's line, and its head
constexpr std::size_t kBacklogMax = 2 * kMessageBytesMax;
constexpr std::size_t kPrintsWait =
    8 * 1024 * 1024;  // with more unsent what is printed is left out
constexpr std::int64_t kWorkersMax = 1'000;

}  // namespace

net::WebSocketSettings agent_link_settings() {
  return {.message_bytes = kMessageBytesMax, .backlog_bytes = kBacklogMax, .ping_every = 5s};
}

std::string link_end(const net::WebSocketEnd& end, std::string_view clean) {
  std::string reason = end.reason.empty() ? std::string(clean) : end.reason;
  if (reason.ends_with('.')) reason.pop_back();  // of a sentence of ours: it goes into another
  reason[0] = char(std::tolower(static_cast<unsigned char>(reason[0])));
  return reason;
}

AgentRun::AgentRun(net::Loop& loop, std::unique_ptr<net::WebSocket> link,
                   std::vector<std::string> command, std::unique_ptr<Unpacking> files)
    : loop_(loop), command_(std::move(command)), files_(std::move(files)), link_(std::move(link)) {}

AgentRun::~AgentRun() = default;

Expected<std::unique_ptr<AgentRun>> AgentRun::begin(net::Loop& loop,
                                                    std::unique_ptr<net::WebSocket> link,
                                                    std::vector<std::string> command,
                                                    std::int64_t cores,
                                                    std::function<void(const std::string&)> ended) {
  auto files = Unpacking::in_new_folder();
  if (!files) {
    turn_away(loop, std::move(link), files.error().what);
    return std::unexpected(files.error());
  }
  command.push_back((*files)->folder());
  std::unique_ptr<AgentRun> run(
      new AgentRun(loop, std::move(link), std::move(command), std::move(*files)));
  run->link_->start(
      {.message = [self = run.get()](wire::WebSocketKind,
                                     std::string_view message) { self->hear(message); },
       .ended = [ended = std::move(ended)](
                    const net::WebSocketEnd& end) { ended(link_end(end, "it is done")); }});
  run->say(AgentVerb::hello, agent_language, nlohmann::json{{"cores", cores}}.dump());
  return run;
}

void AgentRun::turn_away(net::Loop& loop, std::unique_ptr<net::WebSocket> link,
                         std::string_view why) {
  const std::shared_ptr<net::WebSocket> shared = std::move(link);
  shared->start({.message = [](wire::WebSocketKind, std::string_view) {},
                 .ended = [](const net::WebSocketEnd&) {}});
  shared->send(wire::WebSocketKind::binary, to_message({AgentVerb::refused, 0, why}));
  shared->close(wire::websocket_code::normal);
  loop.after(agent_link_settings().close_within, [shared] {});  // keeps it until then
}

void AgentRun::leave(std::string_view why) { link_->close(wire::websocket_code::going_away, why); }

void AgentRun::say(AgentVerb verb, std::int64_t number, std::string_view rest) {
  link_->send(wire::WebSocketKind::binary, to_message({verb, number, rest}));
}

void AgentRun::refuse(std::string_view why) {
  say(AgentVerb::refused, 0, why);
  link_->close(wire::websocket_code::policy, "it was refused");
}

void AgentRun::hear(std::string_view message) {
  if (!link_->is_open()) return;  // it was refused, and goes on
  const auto word = agent_word(message);
  if (!word) return refuse(word.error().what);
  obey(*word);
}

WorkerProcess* AgentRun::find(std::int64_t number) {
  const auto found = workers_.find(number);
  return found == workers_.end() ? nullptr : found->second.get();
}

// Orders to workers that have ended meanwhile are nobody's mistake.
void AgentRun::obey(const AgentWord& word) {
  switch (word.verb) {
    case AgentVerb::ping:
      return say(AgentVerb::pong, word.number,
                 fmt::to_string(loop_.now().time_since_epoch().count()));
    case AgentVerb::file:
    case AgentVerb::data: {
      const auto taken = word.verb == AgentVerb::file ? files_->begin(word.rest, word.number)
                                                      : files_->add(word.rest);
      if (!taken) refuse(taken.error().what);
      return;
    }
    case AgentVerb::worker:
      return start(word.number);
    case AgentVerb::tell:
      if (auto* const worker = find(word.number)) worker->tell(std::string(word.rest));
      return;
    case AgentVerb::kill:
      if (auto* const worker = find(word.number))
        worker->kill(std::atoi(std::string(word.rest).c_str()));
      return;
    case AgentVerb::drop:
      workers_.erase(word.number);
      return;
    case AgentVerb::hello:
    case AgentVerb::pong:
    case AgentVerb::refused:
    case AgentVerb::said:
    case AgentVerb::printed:
    case AgentVerb::ended:
      return refuse("that is for an agent to say.");
  }
}

void AgentRun::start(std::int64_t number) {
  if (number >= kWorkersMax || workers_.contains(number))
    return refuse("there is such a worker, or none can be.");
  if (!files_->is_whole()) return refuse("the last file is not whole.");
  auto worker = WorkerProcess::start(
      loop_, command_,
      {.said = [this, number](std::string_view line) { say(AgentVerb::said, number, line); },
       .printed = [this, number](std::string_view line) { print(number, line); },
       .ended =
           [this, number](const WorkerEnd& end) {
             say(AgentVerb::ended, number,
                 nlohmann::json{{"status", end.status}, {"signal", end.signal}}.dump());
             workers_.erase(number);
           }});
  if (!worker) return refuse(worker.error().what);
  workers_.emplace(number, std::move(*worker));
}

// A scenario that prints without end must not cost the run its figures.
void AgentRun::print(std::int64_t number, std::string_view line) {
  if (link_->backlog() > kPrintsWait) {
    ++unprinted_;
    return;
  }
  if (const auto left_out = std::exchange(unprinted_, 0); left_out > 0)
    say(AgentVerb::printed, number,
        fmt::format("({} lines were left out: the link to the agent was full)", left_out));
  say(AgentVerb::printed, number, line);
}

}  // namespace utakata::load
