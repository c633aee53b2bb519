// `utakata run` without a stack file: a stack of one cluster, made from options.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fleet/model/stack.h"

namespace utakata {

struct RunOptions {
  std::string name = "run";  // of the stack
  std::string cluster = "app";
  std::string folder;                // absolute; where the command runs
  std::string store;                 // absolute; empty: NAME.db in `folder`
  std::vector<std::string> command;  // may hold ${port}, ${host} and ${instance}; every other
                                     // dollar sign is the command's own
  int instances_min = 1, instances_max = 1;
  int capacity = 1000;
  std::string port_env;  // a variable that carries the port too, beside PORT; empty: none
  ApiSpec api;
};

// Connections are counted by sockets, an instance is ready when it listens; with max > min, 30 %
// headroom is kept.
Stack stack_from_run(const RunOptions& options);

// `2..10` or `3`; nothing where that is no range of 1 to 100,000 instances (`0..10` is one).
std::optional<std::pair<int, int>> instances_range_from(std::string_view text);

}  // namespace utakata
