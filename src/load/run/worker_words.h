// What a worker says, line by line (js/worker.mjs has the list), and what it is told. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "load/report/load_report.h"

namespace utakata::load {

struct WorkerLoaded {
  std::string load;  // JSON, as the scenario exports it
  std::vector<std::string> functions;
  std::vector<std::string> files{};  // all that it needs, where it was told to find out
  std::string resolved = "[]";       // JSON, for a worker elsewhere: what each import leads to
};
struct WorkerDone {
  std::string what;            // "setup", "teardown" or "stop"
  std::string data;            // JSON
  std::int64_t left_open = 0;  // sockets of users who had ended, at the end
};
struct WorkerFailed {
  std::string during;
  LoadFault fault;
};
struct WorkerTick {
  std::int64_t users = 0, sockets = 0, finished = 0;
  double length_ms = 0;  // since the last, or the run began
  double late_ms = 0, backlog_bytes = 0, lag_ms = 0, gc_ms = 0, cpu = 0, resident_mb = 0;
  std::uint64_t unshown = 0;  // lines that the scenario printed and that were too many
  std::vector<LoadFault> faults;
};
struct WorkerMetrics {
  std::string_view line;  // for Metrics::add(); of the line that was read
};
struct WorkerOver {};
struct WorkerAlive {};
using WorkerWord = std::variant<WorkerLoaded, WorkerDone, WorkerFailed, WorkerTick, WorkerMetrics,
                                WorkerOver, WorkerAlive>;

Expected<WorkerWord> worker_word(std::string_view line);  // `invalid`: none of these

struct LoadOrder {
  std::string file;    // absolute, no symbolic link in it
  std::string folder;  // where the command was given
  std::uint64_t seed = 1;
  std::string ca_file;  // absolute; "": the system's authorities
  bool is_insecure = false;
  std::map<std::string, std::string> environment{};  // beside the worker's own
  std::string source;  // addresses that connections come from, as client/source_ranges.h has them
  bool compression = false;  // permessage-deflate is offered
  bool is_shipped = false;   // to other hosts: the worker is to find out what they need
};
std::string to_line(const LoadOrder& order);
struct StartOrder {
  std::string plan;  // JSON
  std::int64_t worker = 0, workers = 1;
  std::string data;         // JSON
  Instant at{};             // on the clock of who orders
  Duration clock_offset{};  // what the worker adds to its clock to have that one
};
std::string to_line(const StartOrder& order);
std::string setup_line();
std::string teardown_line(std::string_view data);
std::string stop_line(Duration within);
std::string clock_line(Duration offset);  // StartOrder::clock_offset, known better
std::string pause_line(bool is_paused);
std::string more_line(double factor);

// The plan as the command line has it: what is given here takes the place of the scenario's own.
struct PlanOverrides {
  std::string users, arrivals, duration, iterations;  // as they were written; "": as it is
};
// `load`: JSON. What cannot be a number stays a text, for the plan's reader to refuse.
std::string overridden(std::string_view load, const PlanOverrides& overrides);

}  // namespace utakata::load
