#include "realtime/server/sync_clock.h"

#include <algorithm>
#include <utility>

namespace utakata::realtime {

SyncClock::SyncClock(net::Loop& loop, Apps& apps, std::function<void()> ticked)
    : loop_(loop), apps_(apps), ticked_(std::move(ticked)) {}

SyncClock::~SyncClock() { loop_.cancel(timer_); }

void SyncClock::meets(App& app) {
  app.channels().sync().on_wait([this, &app] { wake_at(*app.channels().sync().due()); });
}

void SyncClock::wake_at(Instant due) {
  if (timer_ != 0 && due_ <= due) return;
  loop_.cancel(timer_);
  due_ = due;
  timer_ = loop_.after(std::max(Duration{0}, due - loop_.now()), [this] { tick(); });
}

void SyncClock::tick() {
  timer_ = 0;
  const Instant now = loop_.turn_time();
  apps_.each([&](const std::string&, App& app) { app.tick(now); });
  ticked_();
  apps_.each([&](const std::string&, App& app) {
    if (const auto due = app.channels().sync().due()) wake_at(*due);
  });
}

}  // namespace utakata::realtime
