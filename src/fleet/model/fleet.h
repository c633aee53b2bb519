// A cluster as it is right now, and the changes that operators asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/model/instance.h"
#include "fleet/model/stack.h"

namespace utakata {

// What operators asked for; recorded, so that a restart does not forget it.
struct Desired {
  std::optional<int> by_hand;             // `utakata scale`: at least so many, until `scale --auto`
  bool shutting_down = false;             // `utakata down`: everything drains, nothing is launched
  bool down_now = false;                  // ... without waiting for clients
  std::optional<Duration> down_deadline;  // ... waiting at most so long
  int restarts =
      0;  // `utakata restart CLUSTER`: part of the version, so that a restart is a roll-out
  bool operator==(const Desired&) const = default;
};

struct Fleet {
  ClusterSpec spec;
  std::vector<Instance> instances;  // no gone ones: they leave when their end is recorded
  Desired desired;
  int next_number = 1;  // of the next instance; never given twice
};

}  // namespace utakata
