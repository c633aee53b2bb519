// Whatever runs virtual users for a run: lines go to it, lines come from it (js/worker.mjs has the
// list), and what the scenario prints comes apart from them. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace utakata::load {

struct WorkerEnd {
  std::int64_t status = 0;  // of exit()
  int signal = 0;           // 0: it ended by itself
  std::string lost{};       // why nothing is known of its end, a clause; "": that is known
};

class Worker {
 public:
  struct Calls {
    std::function<void(std::string_view line)> said;     // without its end
    std::function<void(std::string_view line)> printed;  // on stdout or stderr
    std::function<void(const WorkerEnd&)> ended;         // once, the last; all it said was told
  };
  virtual ~Worker() = default;  // kills it, and tells nobody; may happen inside any of the calls
  virtual void tell(std::string line) = 0;  // to one that is gone: nothing happens
  virtual void kill(int signal) = 0;        // likewise
};

}  // namespace utakata::load
