// An event loop on libuv: timers, sockets, posts from other threads. One thread runs it; only
// post() and stop() may be called from another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/instant.h"

struct uv_loop_s;

namespace utakata::net {

class SystemClock final : public Clock {  // CLOCK_MONOTONIC and CLOCK_REALTIME
 public:
  Instant now() const override;
  WallTime wall() const override;
};

class Loop {
 public:
  using TimerId = std::uint64_t;
  // Bits as in epoll(7): EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP.
  using Ready = std::function<void(std::uint32_t events)>;

  Loop();
  // On a loop of somebody else's, such as Node's, which outlives this by a turn and is run by them:
  // run() and stop() are not for it.
  explicit Loop(uv_loop_s* theirs);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();                             // until stop()
  void stop();                            // any thread
  void post(std::function<void()> work);  // any thread; runs on the loop's own, in order
  Instant now() const;                    // asks the clock
  Instant turn_time() const;              // as of this turn's beginning; free to ask

  TimerId after(Duration delay, std::function<void()> work);
  TimerId every(Duration period, std::function<void()> work);
  void cancel(TimerId id);  // a timer that has fired, or was never set, is not a failure

  // Level-triggered but for EPOLLET, in the private epoll set that one uv_poll_t watches. The
  // descriptor stays the caller's; unwatch it before closing it. `ready` may unwatch and destroy
  // anything, itself included.
  void watch(int descriptor, std::uint32_t events, Ready ready);
  void rewatch(int descriptor, std::uint32_t events);
  void unwatch(int descriptor);

  // Called once a turn after all ready descriptors and posts are served, before the loop sleeps:
  // for joined writes. Who may be destroyed before the loop keeps the id and cancels it.
  using TurnEndId = std::uint64_t;
  TurnEndId on_turn_end(std::function<void()> work);
  void cancel_turn_end(TurnEndId id);

  void on_signal(int number, std::function<void()> work);
  uv_loop_s* uv();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::net
