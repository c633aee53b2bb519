// Keys of the terminal that is our stdin, as they are pressed. Loop thread only; one at a time.
#pragma once

#include <functional>

#include "net/loop.h"

namespace utakata {

// Nobody is called where stdin is no terminal, or this process is in its background. Whatever ends
// the process but SIGKILL, the terminal is as it was before. Ctrl-C stays a signal.
class LoadKeys {
 public:
  LoadKeys(net::Loop& loop, std::function<void(char)> pressed);
  ~LoadKeys();
  LoadKeys(const LoadKeys&) = delete;
  LoadKeys& operator=(const LoadKeys&) = delete;
  bool is_heard() const { return is_heard_; }

 private:
  void take_terminal();
  void read();

  net::Loop& loop_;
  const std::function<void(char)> pressed_;
  bool is_heard_ = false;
};

}  // namespace utakata
