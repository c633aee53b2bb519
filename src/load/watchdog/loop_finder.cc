#include "load/watchdog/loop_finder.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/text.h"
#include "load/watchdog/debugger_words.h"
#include "net/websocket_client.h"

namespace utakata::load {
namespace {

constexpr std::size_t stacks_wanted = 10;
// Ten of them: half a second. A loop that turns is seen to turn in it.
constexpr Duration between_halts = 50ms;
constexpr Duration again_after = 500ms;
// A script may carry its source map within it.
constexpr std::size_t message_bytes = 64 * 1024 * 1024;

// The event loop's own word on whether it turns. Symbol.for(): no name of a scenario's is in the
// way. A scenario that has replaced setImmediate() is taken to loop.
constexpr std::string_view watch_turn =
    "{ const turned = Symbol.for('utakata.turned');"
    "  globalThis[turned] = false;"
    "  setImmediate(() => { globalThis[turned] = true; }); }";
constexpr std::string_view ask_turned = "globalThis[Symbol.for('utakata.turned')] === true";

//   dialling --> asked (to halt) --> halted (asked whether its loop turned) --+--> found
//                  ^                                                          |
//                  +---- running, for 50 ms <------ resuming <----------------+
// It must have resumed before it is asked again: who is halted takes that for done.
enum class Step : std::uint8_t { dialling, asked, halted, resuming, running };

struct Search {
  LoopFinder::Done done;
  Duration within{};
  net::WebSocketClient::DialId dial = 0;
  std::unique_ptr<net::WebSocket> socket{};
  net::Loop::TimerId deadline = 0, next_halt = 0;
  Step step = Step::dialling;
  std::int64_t orders = 0, answered = 0;  // the last of each
  std::int64_t halt_order = 0;            // the first of those that have not been followed yet
  std::map<std::string, std::string> scripts{};  // files by numbers
  std::vector<CodeStack> stacks{};

  void order(std::string_view method) {
    socket->send(wire::WebSocketKind::text, debugger_order(++orders, method));
  }
  void evaluate(std::string_view script) {
    socket->send(wire::WebSocketKind::text, debugger_evaluation(++orders, script));
  }
};

}  // namespace

struct LoopFinder::State {
  State(net::Loop& used_loop, std::string our_files)
      : loop(used_loop), ours(std::move(our_files)), client(used_loop) {}
  ~State() {
    while (!searches.empty()) take(searches.begin()->first);
  }

  void connected(SearchId id, Expected<std::unique_ptr<net::WebSocket>> socket);
  void halt(SearchId id);
  void heard(SearchId id, std::string_view json);
  void halted(Search& search, CodeStack stack);
  void resumed(SearchId id, Search& search);
  void answered(SearchId id, Search& search, const DebuggerAnswer& answer);
  void too_late(SearchId id);
  Search take(SearchId id);
  void found(SearchId id);
  void fail(SearchId id, Problem::Kind kind, std::string what);

  net::Loop& loop;
  const std::string ours;
  net::WebSocketClient client;
  std::map<SearchId, Search> searches;
  SearchId last_id = 0;
};

void LoopFinder::State::connected(SearchId id, Expected<std::unique_ptr<net::WebSocket>> socket) {
  Search& search = searches.at(id);
  search.dial = 0;
  if (!socket)
    return fail(id, socket.error().kind, "Its debugger cannot be reached: " + socket.error().what);
  search.socket = std::move(*socket);
  search.socket->start(
      {.message = [this, id](wire::WebSocketKind, std::string_view json) { heard(id, json); },
       .ended =
           [this, id](const net::WebSocketEnd&) {
             fail(id, Problem::Kind::unavailable,
                  "Its debugger hung up: the process has ended, most likely.");
           }});
  search.order("Debugger.enable");
  halt(id);
}

// Again until it has: where another debugger goes away just then, an order to halt is forgotten.
void LoopFinder::State::halt(SearchId id) {
  Search& search = searches.at(id);
  search.order("Debugger.pause");
  if (search.step != Step::asked) search.halt_order = search.orders;
  search.step = Step::asked;
  search.next_halt = loop.after(again_after, [this, id] { halt(id); });
}

void LoopFinder::State::heard(SearchId id, std::string_view json) {
  auto news = read_debugger_news(json);
  if (!news)
    return fail(id, news.error().kind, "This is not Node's debugger: " + news.error().what);
  Search& search = searches.at(id);
  if (auto* script = std::get_if<DebuggerScript>(&*news))
    search.scripts[std::move(script->number)] = std::move(script->file);
  else if (auto* paused = std::get_if<DebuggerPaused>(&*news))
    halted(search, std::move(paused->stack));
  else if (std::holds_alternative<DebuggerResumed>(*news))
    resumed(id, search);
  else if (const auto* answer = std::get_if<DebuggerAnswer>(&*news))
    answered(id, search, *answer);
}

void LoopFinder::State::halted(Search& search, CodeStack stack) {
  for (CodeFrame& frame : stack) {
    const auto script = search.scripts.find(frame.at.file);
    frame.at.file = script == search.scripts.end() ? "" : script->second;
  }
  const bool is_first = search.stacks.empty();
  if (!stack.empty()) search.stacks.push_back(std::move(stack));
  search.evaluate(is_first ? watch_turn : ask_turned);
  search.step = Step::halted;
  loop.cancel(search.next_halt);
}

void LoopFinder::State::resumed(SearchId id, Search& search) {
  search.step = Step::running;
  loop.cancel(search.next_halt);
  search.next_halt = loop.after(between_halts, [this, id] { halt(id); });
}

void LoopFinder::State::answered(SearchId id, Search& search, const DebuggerAnswer& answer) {
  search.answered = answer.to;
  if (search.step != Step::halted || search.answered != search.orders) return;
  if (answer.is_true)
    return fail(id, Problem::Kind::not_found, "It does not loop: its events are served.");
  if (search.stacks.size() >= stacks_wanted) return found(id);
  search.order("Debugger.resume");
  search.step = Step::resuming;
}

void LoopFinder::State::too_late(SearchId id) {
  const Search& search = searches.at(id);
  const std::string within = utakata::to_text(search.within);
  // It knows that it is to halt, and nothing has come that could be halted.
  if (search.step == Step::asked && search.answered >= search.halt_order)
    return fail(id, Problem::Kind::not_found,
                fmt::format("It does not loop: within {} no JavaScript ran there.", within));
  // It calls what takes long, again and again.
  if (search.stacks.size() > 1) return found(id);
  if (search.stacks.size() == 1)
    return fail(id, Problem::Kind::timed_out,
                fmt::format("It waits in native code, or works there, for more than {}: it came by "
                            "{} before.",
                            within, to_text(looping_place(search.stacks, ours))));
  fail(id, Problem::Kind::timed_out,
       fmt::format("It does not answer its debugger within {}: it waits in native code, or works "
                   "there, or is stopped.",
                   within));
}

// Out of the loop's hands; a process that is halted runs on when its debugger's connection ends.
Search LoopFinder::State::take(SearchId id) {
  auto node = searches.extract(id);
  Search& search = node.mapped();
  loop.cancel(search.deadline);
  loop.cancel(search.next_halt);
  client.cancel(search.dial);
  return std::move(search);
}

void LoopFinder::State::found(SearchId id) {
  auto search = take(id);
  auto place = looping_place(search.stacks, ours);
  search.socket.reset();
  search.done(std::move(place));
}

void LoopFinder::State::fail(SearchId id, Problem::Kind kind, std::string what) {
  auto search = take(id);
  search.socket.reset();
  search.done(problem(kind, std::move(what), kind == Problem::Kind::timed_out));
}

std::optional<std::string> debugger_url(std::string_view line) {
  constexpr std::string_view says = "Debugger listening on ";
  if (!line.starts_with(says)) return std::nullopt;
  line.remove_prefix(says.size());
  line = line.substr(0, line.find_first_of(" \r\n"));
  // A scenario may print what it likes: nobody further away is dialled for it.
  if (!line.starts_with("ws://127.0.0.1:")) return std::nullopt;
  return std::string(line);
}

LoopFinder::LoopFinder(net::Loop& loop, std::string ours)
    : state_(std::make_unique<State>(loop, std::move(ours))) {}
LoopFinder::~LoopFinder() = default;

LoopFinder::SearchId LoopFinder::find(std::string url, Done done, Duration within) {
  State* const state = state_.get();
  const SearchId id = ++state->last_id;
  Search& search = state->searches[id];
  search.done = std::move(done);
  search.within = within;
  search.deadline = state->loop.after(within, [state, id] { state->too_late(id); });
  search.dial =
      state->client.dial({.url = std::move(url),
                          // Ours comes first, and has better words.
                          .deadline = within * 2,
                          .settings = {.message_bytes = message_bytes, .ping_every = 0s}},
                         [state, id](auto socket) { state->connected(id, std::move(socket)); });
  return id;
}

void LoopFinder::cancel(SearchId id) {
  if (state_->searches.contains(id)) state_->take(id);
}

}  // namespace utakata::load
