// What one run of `utakata load` has come to: what is shown while it runs, printed at its end, kept
// in a file and compared with another run. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/instant.h"
#include "load/statistics/metrics.h"
#include "load/statistics/thresholds.h"

namespace utakata::load {

// A stretch of the run: what was measured in it, by metric, whatever their tags.
struct LoadPoint {
  Duration at{}, length{};   // its begin since the start
  std::int64_t users = 0;    // at its end, busy ones
  std::int64_t sockets = 0;  // likewise, open
  std::map<std::string, MetricValue> measured;
};

// Something in the scenario, or what it called, that went wrong; the same is one.
struct LoadFault {
  std::string scenario;
  std::string what;   // the error's words
  std::string at;     // "file:///.../votes.mjs:12:5", or ""
  std::string stack;  // of the first one
  std::uint64_t count = 0;
};

// How the generator itself was: the worst of all workers.
struct GeneratorHealth {
  std::int64_t workers = 0;
  double cpu_max = 0;       // cores used by one worker, over one tick
  double lag_ms_max = 0;    // of its loop
  double gc_share_max = 0;  // of a tick's time
  double late_ms_max = 0;   // between when a user was to begin and when it did
  double resident_mb = 0;   // of all, at most
};

struct ThresholdVerdict {
  Threshold threshold;
  Verdict verdict;
};

enum class LoadEnd : std::uint8_t {
  done,
  stopped,
  aborted
};  // by itself, by a person, by a threshold

struct LoadReport {
  std::string file;  // of the scenario, as it was named
  std::string plan;  // one line for people
  WallTime started{};
  Duration planned{};  // 0: until all are done
  Duration elapsed{};
  LoadEnd end = LoadEnd::done;
  Metrics metrics;                // of the whole run
  std::vector<LoadPoint> points;  // one after the other; timeline.h bounds their number
  std::vector<ThresholdVerdict> thresholds;
  std::vector<LoadFault> faults;
  GeneratorHealth generator;
  std::vector<std::string>
      doubts;  // sentences: why these figures are the generator's, not the servers'; none: valid
  std::vector<std::string>
      notes;  // sentences: what else must be known, such as the loss of an agent

  bool is_kept() const;  // all thresholds
};

}  // namespace utakata::load
