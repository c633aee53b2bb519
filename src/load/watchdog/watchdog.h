// Which workers say nothing any more, and what of the scenario is to blame. Loop thread only.
//
//   watched --silent for `patience`--> asked (SIGUSR1) --its debugger listens--> searched --+
//      ^                                 |                                                  |
//      +---- it says something ----------+--- silent for `gives_up_after` ----> stuck <-----+ a
//      loop
//
// Silence is counted in turns of our own loop: where we ourselves stood still nobody is blamed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "load/watchdog/loop_finder.h"
#include "net/loop.h"

namespace utakata::load {

struct Stuck {
  std::string why;       // "loops for ever at spin (file:///...:12:5)", "said nothing for 30 s"
  bool is_loop = false;  // and so the scenario's fault
};

class Watchdog {
 public:
  struct Calls {
    std::function<void(std::size_t worker, int signal)> signal;
    // It is to be ended, and is watched no more.
    std::function<void(std::size_t worker, const Stuck& how)> stuck;
  };
  struct Patience {
    Duration patience{5s}, gives_up_after{30s};
    Duration turn{1s};  // how often it is looked
  };
  // `ours`: as LoopFinder's.
  Watchdog(net::Loop& loop, std::string ours, Patience patience, Calls calls);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // `is_here`: of this host; of another one it is only known for how long it has been silent.
  void watch(std::size_t worker, bool is_here);
  void heard(std::size_t worker);
  // Of a line on its stderr. True: it is Node's own, about the debugger that we asked for.
  bool printed(std::size_t worker, std::string_view line);
  void forget(std::size_t worker);
  void be(Patience patience) { patience_ = patience; }  // from now on; turns stay as they are

 private:
  struct Watched {
    bool is_here = true;
    Duration silent{};
    std::string url{};  // of its debugger, once it is open
    std::optional<LoopFinder::SearchId> search{};
    std::string because{};  // what the last search said
  };
  void turn();
  void search(std::size_t worker, Watched& watched);
  void found(std::size_t worker, const Expected<CodePlace>& place);

  net::Loop& loop_;
  Patience patience_;
  const Calls calls_;
  std::map<std::size_t, Watched> watched_;
  std::set<std::size_t> asked_;  // to open their debuggers, ever
  LoopFinder finder_;
  net::Loop::TimerId timer_ = 0;
};

}  // namespace utakata::load
