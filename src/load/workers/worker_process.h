// A worker that is a Node process of this host: its stdin hears, its descriptor 3 says. Loop thread
// only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "load/workers/worker.h"
#include "net/loop.h"

namespace utakata::load {

class WorkerProcess final : public Worker {
 public:
  // `argv[0]` is looked for in PATH. A line of more than 64 MB ends the process. Problem:
  // `unavailable`: it cannot be started, such as a node that is not installed.
  static Expected<std::unique_ptr<WorkerProcess>> start(net::Loop& loop,
                                                        const std::vector<std::string>& argv,
                                                        Calls calls);
  ~WorkerProcess() override;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  void tell(std::string line) override;
  void finish();  // its stdin ends: it is to end soon
  void kill(int signal) override;
  int pid() const;

 private:
  struct State;
  explicit WorkerProcess(State* state) : state_(state) {}
  State* state_;  // libuv has done with it a turn after the process and its pipes are closed
};

}  // namespace utakata::load
