// The parent of many workers on one host: it starts them, is the hub between them, and speaks for
// all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace utakata::realtime {

struct ParentSpec {
  std::size_t workers = 2;
  // The words of a worker: its number, and the descriptor of its link to us.
  std::function<std::vector<std::string>(std::size_t index, int link)> argv;
  std::string listening;   // said when all of them listen
  double stop_within = 5;  // seconds, of each worker
};

// Until SIGTERM, or until they are fenced (exit code 3) or cannot begin (2). The exit code.
int run_parent(const ParentSpec& spec);

}  // namespace utakata::realtime
