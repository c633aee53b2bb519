// Which line of a scenario loops for ever: asked of Node's debugger, from outside of a process that
// answers nothing else any more. Loop thread only; no call blocks.
//
//   parent: SIGUSR1 to the worker   worker's stderr: "Debugger listening on ws://127.0.0.1:PORT/ID"
//   debugger_url(line), find(url)   its place, in the middle of its loop
//
// The debugger is opened by the signal within some milliseconds, though JavaScript loops; not while
// the process is within native code (a blocking system call, a program it waits for): then no such
// line comes, and a caller waits for it no longer than for the rest. Node takes the port 9229
// unless it was started with `--inspect-port=0`: any free one, without which only one worker of a
// host can be asked. Whoever can connect there runs any code as the worker; so only 127.0.0.1 is
// listened to, and a worker that was asked is best ended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "load/watchdog/code_place.h"
#include "net/loop.h"

namespace utakata::load {

// Of a line that Node printed on stderr; none: it is another line.
std::optional<std::string> debugger_url(std::string_view line);

class LoopFinder {
 public:
  using Done = std::function<void(Expected<CodePlace>)>;
  using SearchId = std::uint64_t;

  // `ours`: how the names of files begin that are the engine's, not the scenario's, such as
  // "file:///usr/lib/utakata/load/".
  explicit LoopFinder(net::Loop& loop, std::string ours = {});
  ~LoopFinder();  // searches under way end without `done`; may happen inside of `done`
  LoopFinder(const LoopFinder&) = delete;
  LoopFinder& operator=(const LoopFinder&) = delete;

  // One search of a process at a time: Node 20 may crash where one of two debuggers goes away.
  // `done` is called once, never before find() has returned. The process is halted some ten times,
  // a millisecond or so each, within half a second in which its event loop must not turn once;
  // afterwards it runs on, in its loop. Which place is taken: looping_place().
  // Problems: `timed_out` (it does not answer: it waits in native code, or is stopped; if it was
  // seen before, the words say where), `not_found` (it does not loop: it has nothing to do, or its
  // events are served), `unavailable` (nobody is there, or no more), `invalid` and `refused` (that
  // is no debugger's URL, or not its language).
  SearchId find(std::string url, Done done, Duration within = 5s);
  void cancel(SearchId id);  // without `done`; one that has ended is not a failure

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::load
