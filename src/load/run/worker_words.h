// What a worker says, line by line (js/worker.mjs has the list), and what it is told. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/problem.h"
#include "load/report/load_report.h"

namespace utakata::load {

struct WorkerLoaded {
  std::string load;  // JSON, as the scenario exports it
  std::vector<std::string> functions;
};
struct WorkerDone {
  std::string what;  // "setup", "teardown" or "stop"
  std::string data;  // JSON
};
struct WorkerFailed {
  std::string during;
  LoadFault fault;
};
struct WorkerTick {
  std::int64_t users = 0, sockets = 0, finished = 0;
  double length_ms = 0;  // since the last, or the run began
  double late_ms = 0, lag_ms = 0, gc_ms = 0, cpu = 0, resident_mb = 0;
  std::vector<LoadFault> faults;  // since the last
};
struct WorkerMetrics {
  std::string_view line;  // for Metrics::add(); of the line that was read
};
struct WorkerOver {};
using WorkerWord =
    std::variant<WorkerLoaded, WorkerDone, WorkerFailed, WorkerTick, WorkerMetrics, WorkerOver>;

Expected<WorkerWord> worker_word(std::string_view line);  // `invalid`: none of these

struct LoadOrder {
  std::string file;
  std::uint64_t seed = 1;
  std::string ca_file;  // "": the system's authorities
  bool is_insecure = false;
  std::string source;  // addresses that connections come from, as client/source_ranges.h has them
  bool compression = false;  // permessage-deflate is offered
};
std::string to_line(const LoadOrder& order);
struct StartOrder {
  std::string plan;  // JSON
  std::int64_t worker = 0, workers = 1;
  std::string data;  // JSON
  Duration in{};
};
std::string to_line(const StartOrder& order);
std::string setup_line();
std::string teardown_line(std::string_view data);
std::string stop_line(Duration within);
std::string pause_line(bool is_paused);
std::string more_line(double factor);

// The plan as the command line has it: what is given here takes the place of the scenario's own.
struct PlanOverrides {
  std::string users, arrivals, duration, iterations;  // as they were written; "": as it is
};
// `load`: JSON. What cannot be a number stays a text, for the plan's reader to refuse.
std::string overridden(std::string_view load, const PlanOverrides& overrides);

}  // namespace utakata::load
