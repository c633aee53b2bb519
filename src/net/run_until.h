// For tests.
#pragma once

#include <functional>

#include "net/loop.h"

namespace utakata::net {

// Runs the loop until it holds. False: that took too long. What is asked may do anything but run
// the loop itself.
inline bool run_until(Loop& loop, const std::function<bool()>& holds, Duration within = 30s) {
  const auto end = loop.now() + within;
  while (!holds()) {
    if (loop.now() > end) return false;
    const auto timer = loop.after(1ms, [&] { loop.stop(); });
    loop.run();
    loop.cancel(timer);
  }
  return true;
}

}  // namespace utakata::net
