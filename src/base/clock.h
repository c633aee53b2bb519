// The present, as a port: real in programs, set by hand in tests and in the simulator. Any thread
// may ask.
#pragma once

#include "base/instant.h"

namespace utakata {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// A clock that stands still until told otherwise.
class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by);
  }
  void step_wall(std::chrono::milliseconds by) { wall_ += by; }

 private:
  Instant now_{Duration{std::chrono::hours{1}}};
  WallTime wall_{std::chrono::milliseconds{1'767'225'600'000}};  // 2026-01-01 00:00 UTC
};

}  // namespace utakata
