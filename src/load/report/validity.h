// Was it the generator that was slow? Watches the workers' ticks, and says with a remedy when what
// was measured may be its own doing. Pure; one thread.
//
// A single hiccup makes no run invalid: it is told as a note, with how long it was. In doubt is
// what was over a limit for `in_a_row` without a break, or for `share_max` of a worker's time
// (and `in_all_min`): from then on even p(95) may be the generator's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/instant.h"
#include "load/report/load_report.h"

namespace utakata::load {

struct ValidityLimits {
  // What came in waits so long before the scenario sees it: a tenth of what most thresholds allow.
  double lag_ms = 100;
  // JavaScript has one core; what wants more than this of it stands in a queue (10 at 0.9: M/M/1).
  double cpu = 0.9;
  // All users of a worker stand still that long: one reply in five meets it.
  double gc_share = 0.2;
  // Half a second late, an arrival rate is not what was asked for.
  double late_ms = 500;
  // 130 ms of sending at 1 Gbit/s: as bad as the lag above.
  double backlog_bytes = 16'000'000;

  Duration in_a_row = 5s;    // no collection, no compiling of a scenario takes so long
  double share_max = 0.05;   // the share that is above p(95)
  Duration in_all_min = 3s;  // 5 % of a run of 10 s is half a hiccup
  // Connections that failed by this machine's own doing, of all: more would show in any threshold.
  double own_failures_share = 0.001;
  double hiccup_lag_ms = 250;  // a note from here on: it shows in max, p(99) may have it
};

// What one worker tells, each second or so.
struct GeneratorTick {
  std::int64_t worker = 0;
  Duration length{1s};
  double lag_ms = 0;  // at most
  double gc_ms = 0;   // in all
  double cpu = 0;     // cores
  double resident_mb = 0;
  double late_ms = 0;  // at most, of the users who began
  double backlog_bytes = 0;
};

class GeneratorWatch {
 public:
  explicit GeneratorWatch(ValidityLimits limits = {}) : limits_(limits) {}

  void add(const GeneratorTick& tick);
  void lost(std::int64_t worker);  // it died, or does not answer any more
  GeneratorHealth health() const;  // O(workers)

 private:
  struct Stretch {
    Duration total{}, longest{}, now{};
    void add(bool is_over, Duration length);
  };
  struct Worker {
    Duration watched{};
    double resident_mb = 0;
    bool is_lost = false;
    Stretch cpu, lag, gc, late, backlog;
  };
  Strain worst(Stretch Worker::* which) const;

  ValidityLimits limits_;
  std::map<std::int64_t, Worker> workers_;
  double resident_mb_ = 0;  // of all now
  GeneratorHealth most_;    // its *_max and resident_mb
};

// Of its generator, metrics and points; none: its figures are the servers'.
std::vector<std::string> doubts_of(const LoadReport& report, const ValidityLimits& limits = {});
// What is no reason to doubt and yet to be known.
std::vector<std::string> notes_of(const LoadReport& report, const ValidityLimits& limits = {});

}  // namespace utakata::load
