// The worker processes of one host: starts them, starts again what dies, later and later, and ends
// them. Loop thread only, and that must be the thread that lives as long as the process (main's):
// the kernel kills a worker as soon as the thread that started it is gone.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "net/descriptor.h"
#include "net/loop.h"

namespace utakata::realtime {

struct WorkersSpec {
  std::size_t count = 1;
  // The words of worker `index`, the first the program's path; `link` is the number of the
  // descriptor that it inherits beside stdin, stdout and stderr, its end of the link to us.
  std::function<std::vector<std::string>(std::size_t index, int link)> argv;
  // Pauses before one that died is started again, doubled from the one to the other; the first
  // again after one that lived for `good_after`.
  Duration restart_first{100ms}, restart_most{5s}, good_after{10s};
};

// The pause before the next start of one that lived for `lived`; `last`: the pause before that
// life, zero: none.
Duration restart_pause(const WorkersSpec& spec, Duration last, Duration lived);

class Workers {
 public:
  // None is called within a call of ours; none may destroy us.
  struct Calls {
    std::function<void(std::size_t index, net::Descriptor link)> joined;  // started, or again
    std::function<void(std::size_t index, const std::string& how)> died;  // "exit code 1"
  };
  Workers(net::Loop& loop, WorkersSpec spec, Calls calls);
  // SIGKILL to those that are left, and waits for their ends.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Each in a process group of its own: what a terminal or a supervisor sends to ours is forwarded
  // or not, as we like. A program that cannot be run "dies" with exit code 127. Problem: the first
  // process cannot be made; then none runs. Later on such a worker is tried again.
  Expected<void> start();
  void signal(int number);  // to all that run
  // SIGKILL, if this life of it still lasts after `grace`. One that does not run is no failure.
  void kill(std::size_t index, Duration grace = {});
  std::vector<int> pids() const;  // by index; 0: waits to be started again
  // SIGTERM to all, SIGKILL to whom is left after `grace`; none is started any more. `gone`: once,
  // never within this call. Asked again: the grace is that of the last.
  void stop(Duration grace, std::function<void()> gone);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::realtime
