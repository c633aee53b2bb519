// Where instances run.
#pragma once

#include <string>

namespace utakata {

// One machine. Where machines are made with their instances: a zone to make them in, without a
// name.
struct Host {
  std::string name;
  std::string zone;     // empty: not told; all such are one zone
  bool is_up = true;    // false: its engine has lost it, and says that what ran on it is dead
  bool is_open = true;  // takes new instances; false: an operator of the engine drains or pauses it
  bool operator==(const Host&) const = default;
};

}  // namespace utakata
