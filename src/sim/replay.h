// A recorded day once more, with the planner in charge: the same people come, and what would have
// been there is laid beside what was. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "fleet/model/stack.h"
#include "sim/recording.h"
#include "sim/result.h"

namespace utakata {

struct ReplayOptions {
  Stack stack;                            // with all powers, whatever its file says
  std::optional<Duration> boot, session;  // in place of what was measured
  std::uint64_t seed = 1;
  std::function<bool(Duration done)> on_progress = [](Duration) { return true; };
};

struct WouldMinute {
  int there = 0;    // instances at most, of any lifecycle
  std::string why;  // the last decision until its end: "drain game-3: 40 connections fit in 2"
};

struct ReplayedCluster {
  double instance_hours = 0, idle_hours = 0;  // of the minutes that were watched
  int there_most = 0, scale_ins = 0;
  std::int64_t cut = 0, refused = 0;
  Duration boot{}, session{};        // as taken
  std::vector<WouldMinute> minutes;  // parallel to the recorded ones
  SimResult day;                     // that of this cluster alone, as recorded: no lead-in
};

// The simulated day begins some minutes earlier, so that who was connected when the recording
// began has come in before. `invalid`: nothing to replay (under 20 s), no such cluster.
Expected<ReplayedCluster> replay(const RecordedCluster& recorded, const ReplayOptions& options);

}  // namespace utakata
