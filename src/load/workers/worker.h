// A Node process that runs virtual users: lines go to its stdin, lines come from its descriptor 3,
// and what the scenario prints comes apart from them. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "net/loop.h"

namespace utakata::load {

struct WorkerEnd {
  std::int64_t status = 0;  // of exit()
  int signal = 0;           // 0: it ended by itself
};

class Worker {
 public:
  struct Calls {
    std::function<void(std::string_view line)> said;     // without its end
    std::function<void(std::string_view line)> printed;  // on stdout or stderr
    std::function<void(const WorkerEnd&)> ended;         // once, the last; all it said was told
  };
  // `argv[0]` is looked for in PATH. A line of more than 64 MB ends the process. Problem:
  // `unavailable`: it cannot be started, such as a node that is not installed.
  static Expected<std::unique_ptr<Worker>> start(net::Loop& loop,
                                                 const std::vector<std::string>& argv, Calls calls);
  ~Worker();  // kills it, and tells nobody
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void tell(std::string line);  // to one that is gone: nothing happens
  void finish();                // its stdin ends: it is to end soon
  void kill(int signal);
  int pid() const;

 private:
  struct State;
  explicit Worker(State* state) : state_(state) {}
  State* state_;  // libuv has done with it a turn after the process and its pipes are closed
};

}  // namespace utakata::load
