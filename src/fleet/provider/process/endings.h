// What follows the death of an instance's main process: everything else of it is killed, whatever
// it did to get away.
//
// Its cgroup names the whole tree, where there is one that holds it; otherwise /proc is searched.
// News of the death must not wait long for that: the death is told when nothing is left, or when
// `search_patience` has passed and nothing was found yet, or when what was found and killed is
// still there after a second (a process in an uninterruptible wait).
#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "fleet/model/ids.h"
#include "fleet/provider/process/search.h"
#include "net/loop.h"

namespace utakata {

struct Doomed {
  InstanceId id;
  pid_t main = 0;  // dead; 0: it never had one that we knew
  std::uint64_t started = 0;
  std::string cgroup;
  bool cgroup_holds_all = false;
  std::function<void()> tell;   // called once
  std::function<void()> swept;  // called once, not before `tell`: nothing of it is left
};

class Endings {
 public:
  Endings(net::Loop& loop, TreeSearch& search, Duration search_patience);
  ~Endings();  // kills no further
  void begin(Doomed doomed);

 private:
  struct Ending {
    Doomed doomed;
    std::list<Descriptor> dying;
    bool told = false;
    bool struck = false;  // something was found and killed
    net::Loop::TimerId patience = 0, pause = 0;
  };
  using Key = std::uint64_t;
  void round(Key key);
  void strike(Key key, std::vector<Member> members);
  void died(Key key, int pidfd);
  void tell(Key key);
  void wait_at_most(Key key, Duration patience);
  Ending* find(Key key);

  net::Loop& loop_;
  TreeSearch& search_;
  Duration search_patience_;
  Key last_key_ = 0;
  std::map<Key, Ending> endings_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata
