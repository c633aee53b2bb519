// One recorded step: what was intended or what came of it, why, and what limited it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"

namespace utakata {

struct Activity {
  enum class Phase : std::uint8_t { intent, outcome };
  std::int64_t number = 0;  // given by the store, ever rising
  WallTime at{};
  std::string cluster;
  std::string instance;  // empty: the cluster's or the controller's own
  Phase phase = Phase::intent;
  std::string kind;  // launch drain resume stop suspect trust ready gone launch_failed scale brake
                     // ... one word
  std::string because;
  std::string limited_by;
  std::string by = "utakata";  // or "operator"
  std::optional<int> cut;      // clients cut, where any were
  bool operator==(const Activity&) const = default;
};
const char* to_text(Activity::Phase phase);

}  // namespace utakata
