// Ticks of sync channels, of all tenants: a timer only while something of them changes. Loop thread
// only.
#pragma once

#include <functional>

#include "base/instant.h"
#include "net/loop.h"
#include "realtime/server/apps.h"

namespace utakata::realtime {

class SyncClock {
 public:
  // All outlive it. `ticked`: called after each tick.
  SyncClock(net::Loop& loop, Apps& apps, std::function<void()> ticked);
  ~SyncClock();
  SyncClock(const SyncClock&) = delete;
  SyncClock& operator=(const SyncClock&) = delete;
  void meets(App& app);  // a tenant that is new here; before its first client

 private:
  void wake_at(Instant due);
  void tick();

  net::Loop& loop_;
  Apps& apps_;
  const std::function<void()> ticked_;
  net::Loop::TimerId timer_ = 0;  // 0: nothing changes
  Instant due_{};
};

}  // namespace utakata::realtime
