// The control plane of one stack, whole: both loops and every part, in this process. The wiring
// diagram.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "fleet/model/stack.h"

namespace utakata {

struct ControllerOptions {
  Stack stack;
  std::string text = {};  // the stack file's, for the record; empty for `run`
  std::string file = {};  // where it lies, absolute
  std::map<std::string, std::string> parameters = {};  // of `-p`, for a later `apply`
  std::string name = {};    // of this controller, where several run the stack
  std::string listen = {};  // instead of the stack file's, also of those that are applied later
  bool is_detached =
      false;  // no terminal: lines go where stdout goes, SIGINT means as little as SIGTERM
  std::function<void()> on_started =
      {};  // listening and written down: called once before the loops run
};

// Blocks until the stack is down or a signal ends us. SIGINT: drain and stop everything; a second
// one: at once. SIGTERM: leave at once, instances live on and are adopted by the next controller.
// Returns the exit code; what went wrong was said.
int run_controller(ControllerOptions options);

}  // namespace utakata
