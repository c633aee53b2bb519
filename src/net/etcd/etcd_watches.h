// Watches under way: each is one stream from one member, opened again elsewhere when it breaks or
// its member says no more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "net/etcd/etcd_members.h"

namespace utakata::net {

class EtcdWatches {
 public:
  using WatchId = std::uint64_t;
  EtcdWatches(Loop& loop, EtcdMembers& members) : loop_(loop), members_(members) {}
  ~EtcdWatches();

  WatchId watch(EtcdWatch watch);
  void unwatch(WatchId id);

 private:
  struct Followed;
  using Shared = std::shared_ptr<Followed>;
  void open(const Shared& one);
  void close(Followed& one);
  void arm(const Shared& one, Duration delay, void (EtcdWatches::*then)(const Shared&));
  // Each may end this: afterwards only `one` may be looked at.
  void serve(const Shared& one);
  void take(const Shared& one, std::string_view line);
  void look(const Shared& one);
  void looked(const Shared& one, const Expected<HttpResult>& result);
  void broke(const Shared& one, Problem why);
  void over(const Shared& one);

  Loop& loop_;
  EtcdMembers& members_;
  WatchId last_ = 0;
  std::map<WatchId, Shared> followed_;
};

}  // namespace utakata::net
