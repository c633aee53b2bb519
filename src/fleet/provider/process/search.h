// Finds living processes of instances by what they carry: the marks in their environment, or their
// session. All who ask in one turn share one walk over /proc, which is done in slices so that a
// host with 10,000 processes stops no loop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fleet/model/ids.h"
#include "fleet/provider/process/descriptor.h"
#include "fleet/provider/process/proc.h"
#include "net/loop.h"

namespace utakata {

struct Member {
  pid_t pid = 0;
  ProcessStat stat;
  std::uint16_t port = 0;  // as its environment says; 0: it does not
  // Taken before the marks were read: a signal through it cannot meet another process.
  Descriptor pidfd;
};

class TreeSearch {
 public:
  // `is_innocent`: pids known to be someone else's, which need not be read.
  // A slice of 5 ms is about 800 processes at 6 us: most hosts are walked in one, and none is felt
  // by a tick.
  TreeSearch(net::Loop& loop, std::string fleet_id, std::function<bool(pid_t)> is_innocent,
             Duration slice = 5ms);

  ~TreeSearch() { loop_.cancel(look_again_); }

  struct Wanted {
    InstanceId id;
    pid_t session = 0;  // its main process's pid; 0: not known
    // If another process owns that pid by now, the session is not looked at.
    std::uint64_t session_started = 0;
  };
  using Found = std::function<void(std::vector<Member>)>;
  // `found` is called on a later turn, once.
  void look_for(Wanted wanted, Found found);

  // All living processes that carry our fleet's mark, at once: 5 us a process of the host.
  struct Marked {
    std::string instance;
    Member member;
  };
  std::vector<Marked> all_marked() const;

 private:
  struct Request {
    Wanted wanted;
    Found found;
    std::vector<Member> members;
  };
  void begin();
  void slice();
  void see(pid_t pid);
  void finish();
  Request* owner_of(pid_t pid, std::uint16_t& port, bool& is_blank);

  net::Loop& loop_;
  std::string fleet_id_;
  std::function<bool(pid_t)> is_innocent_;
  Duration slice_;
  std::vector<Request> waiting_, running_;
  std::unique_ptr<ProcWalk> walk_;
  std::vector<pid_t> blank_;  // seen between two programs: looked at again before the answer
  int looks_left_ = 0;
  net::Loop::TimerId look_again_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata
