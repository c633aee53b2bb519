// What the foreground shows: on a terminal a table that renews itself with the last lines of the
// record below it, otherwise one line an activity. Thread-safe.
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "fleet/model/activity.h"
#include "fleet/model/admin.h"
#include "net/loop.h"

namespace utakata {

class Live {
 public:
  explicit Live(bool is_detached);
  void started(const std::string& stack, const std::string& url);
  void activity(const Activity& activity);
  void problem(const std::string& what);
  void watch(
      net::Loop& loop,
      FleetAccess& fleet);  // asks for the table each second; nothing where there is no terminal
  void finish(bool went_down);

 private:
  void line(std::string text);
  void draw(const std::string& status);

  std::mutex mutex_;
  bool is_terminal_;
  std::string head_;
  std::deque<std::string> recent_;
  int drawn_lines_ = 0;
};

// "12:03:04 game-3 launch: want 4, serving 3"
std::string to_line(const Activity& activity);

}  // namespace utakata
