// What one run of `utakata load` has come to: what is shown while it runs, printed at its end, kept
// in a file and compared with another run. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "load/report/packed_trend.h"
#include "load/statistics/metrics.h"
#include "load/statistics/thresholds.h"

namespace utakata::load {

// A stretch of the run: what was measured in it, by metric, whatever their tags. timeline.h makes
// them.
struct LoadPoint {
  Duration at{}, length{};                      // its begin since the start
  std::int64_t users = 0;                       // at its end, busy ones
  std::int64_t sockets = 0;                     // likewise, open
  double cpu_max = 0;                           // cores: of the worker that used most
  double lag_ms_max = 0;                        // likewise
  std::map<std::string, PackedValue> measured;  // nothing of what was not measured in it
  std::map<std::string, double> errors;         // by kind and phase: "HTTP connect" (errors.h)
  bool operator==(const LoadPoint&) const = default;
};

// Something in the scenario, or what it called, that went wrong; the same is one.
struct LoadFault {
  std::string scenario;
  std::string what;   // the error's words
  std::string at;     // "file:///.../votes.mjs:12:5", or ""
  std::string stack;  // of the first one
  std::uint64_t count = 0;
  bool operator==(const LoadFault&) const = default;
};

// How long something of the generator was over its limit (validity.h), in the worker in which it
// was so for longest.
struct Strain {
  std::int64_t worker = -1;     // none was
  Duration total{}, longest{};  // longest: without a break
  bool operator==(const Strain&) const = default;
};

// How the generator itself was: the worst of all workers. GeneratorWatch (validity.h) fills it.
struct GeneratorHealth {
  std::int64_t workers = 0;
  std::int64_t workers_lost = 0;  // before the end
  Duration watched{};             // of the worker that told most
  double cpu_max = 0;             // cores used by one worker, over one tick
  double lag_ms_max = 0;          // of its loop
  double gc_share_max = 0;        // of a tick's time
  double late_ms_max = 0;         // between when a user was to begin and when it did
  double backlog_bytes_max = 0;   // of one worker: what was sent and is not in the kernel yet
  double resident_mb = 0;         // of all, at most
  Strain cpu, lag, gc, late, backlog;
  bool operator==(const GeneratorHealth&) const = default;
};

struct ThresholdVerdict {
  Threshold threshold;
  Verdict verdict;
};

enum class LoadEnd : std::uint8_t {
  done,     // by itself
  stopped,  // by a person
  aborted,  // by a threshold
  broken    // by the scenario: it loops for ever
};
std::string_view to_text(LoadEnd end);

struct LoadReport {
  std::string file;  // of the scenario, as it was named
  std::string plan;  // one line for people
  WallTime started{};
  Duration planned{};  // 0: until all are done
  Duration elapsed{};
  LoadEnd end = LoadEnd::done;
  Metrics metrics{};              // of the whole run
  std::vector<LoadPoint> points;  // one after the other; timeline.h bounds their number
  std::vector<ThresholdVerdict> thresholds;
  std::vector<LoadFault> faults;
  GeneratorHealth generator;
  // Sentences: why these figures are the generator's, not the servers'. None: the run is valid.
  std::vector<std::string> doubts;
  // Sentences: what else must be known, such as the loss of an agent.
  std::vector<std::string> notes;

  bool is_kept() const;  // all thresholds
  bool is_valid() const { return doubts.empty(); }
};

}  // namespace utakata::load
