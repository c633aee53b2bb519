// `utakata up` and `utakata run`: from a stack to a running controller, in the foreground or
// detached.
#pragma once

#include <map>
#include <string>

#include "fleet/model/stack.h"

namespace utakata {

struct StartOptions {
  std::string path;                               // of the stack file
  std::map<std::string, std::string> parameters;  // of `-p name=value`
  bool is_detached = false;
  bool overrides_freeze =
      false;                    // a running controller applies the edit even while a show is on air
  std::string controller = {};  // its name, where several run the stack; empty: the host's
  std::string listen = {};      // instead of the file's `api.listen`
};

// Reads and checks the file (all mistakes at once, exit code 2). Where a controller runs this stack
// already, shows what the edited file changes and has it applied; otherwise becomes the controller.
// Returns the exit code.
int start_from_file(const StartOptions& options);

// From "127.0.0.1:7070" or "7070"; false: it is neither.
bool take_listen(const std::string& text, Listen& listen);

// The same for a stack that was made from command line options.
int start_stack(Stack stack, bool is_detached);

}  // namespace utakata
