// Virtual time: what is due is done in its order, and time passes between as fast as the machine
// is. Deterministic. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "sim/event_wheel.h"

namespace utakata {

class Timeline final : public Clock {
 public:
  // Events are for what there are millions of: 16 bytes each. Work is for the rest, and goes first
  // where both are due.
  using Event = SimEvent;
  explicit Timeline(WallTime began) : wall_(began) {}

  Instant now() const override { return now_; }
  WallTime wall() const override {
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kBegin);
  }
  Duration since_begin() const { return now_ - kBegin; }
  void step_wall(std::chrono::milliseconds by) { wall_ += by; }

  void after(Duration wait, std::function<void()> work);
  void event(Instant at, std::uint32_t kind, std::uint32_t who) { events_.push({at, kind, who}); }
  // `prepare` hears of most of them shortly before, and once more when they are near: millions are
  // in no cache, and can be asked for.
  void on_event(
      std::function<void(const Event&)> take,
      std::function<void(const Event&, bool)> prepare = [](const Event&, bool) {}) {
    take_ = std::move(take);
    prepare_ = std::move(prepare);
  }

  // Does what is due up to `end`, and stands there. What is thrown goes through; call it again to
  // go on.
  void run_until(Instant end);
  static constexpr Instant kBegin{Duration{std::chrono::hours{1}}};

 private:
  struct Work {
    Instant at{};
    std::uint64_t order = 0;
    std::function<void()> run;
  };
  struct LaterWork {
    bool operator()(const Work& a, const Work& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  void do_work();

  Instant now_ = kBegin;
  WallTime wall_;  // at the beginning, and what it was stepped by since
  std::uint64_t order_ = 0;
  std::vector<Work> works_;  // a heap
  EventWheel events_;
  std::function<void(const Event&)> take_;
  std::function<void(const Event&, bool)> prepare_;
};

}  // namespace utakata
