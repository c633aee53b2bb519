// Where a running controller can be reached: a file of its own, that only its owner can read (it
// holds the admin token).
//
//   $UTAKATA_HOME/stacks/STACK.json       or STACK@NAME.json, of a controller that has a name;
//                                         $UTAKATA_HOME is ~/.local/state/utakata where it is not
//   set
//
// A controller that was killed leaves its file; is_running() tells. Nobody removes another's: its
// next life reads it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"

namespace utakata {

struct Running {
  std::string stack;
  std::string controller = {};  // its name, where several run the stack
  std::string url;              // "http://127.0.0.1:7070"
  std::string token;            // of the admin, in clear
  pid_t pid = 0;                // 0: not known (it was named by --url)
  std::string store;            // SQLite file
  std::string run_folder;       // logs and the like
  std::string certificate =
      {};  // PEM file of an https url, trusted as it is; empty: the system's authorities
  EngineAddress engine = {};  // of `provider: docker` and `swarm`
  std::int64_t started =
      0;  // of pid, in clock ticks since boot: a pid that was given anew is told apart
  bool operator==(const Running&) const = default;
};

std::string utakata_home();

// Replaces the stack's file whole, mode 0600; `started` is filled in. `unavailable`: the folder
// cannot be written.
Expected<void> write_running(Running running);
// Nothing: no file, or none that can be read.
std::optional<Running> read_running(const std::string& stack, const std::string& controller = {});
// Those whose file lies there, dead or alive, sorted by stack and controller.
std::vector<Running> all_running();
// Only if it is this very process's.
void remove_running(const std::string& stack, const std::string& controller = {});
// Is its process there, and the same one? One that has ended and was not yet waited for counts as
// gone.
bool is_running(const Running& running);

}  // namespace utakata
