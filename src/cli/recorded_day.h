// What `replay` and `shadow report` share: which record, since when, and the simulated days of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "sim/replay_report.h"

namespace CLI {
class App;
}

namespace utakata {

struct RecordedDayOptions {
  std::string stack, store, since = "24h", cluster, with, against, boot, session, html;
  std::vector<std::string> parameters;
  std::uint64_t seed = 1;
  bool wants_json = false;
};

void add_recorded_day(CLI::App& command, RecordedDayOptions& options);

// "24h" before now, "yesterday" (its midnight here), "2026-11-21T00:00Z" (with or without seconds).
// Nothing: no such text.
std::optional<WallTime> since_from(std::string_view text, WallTime now);

// Reads the record and simulates its days; the first is called `name` unless --with names a file.
// Problems: `invalid` (what was given), `not_found` (no record, nothing in it since then).
Expected<ReplayReport> recorded_day(const RecordedDayOptions& options, const std::string& name);

// Prints as JSON or as `text`, and writes --html. Returns the exit code.
int show_day(const RecordedDayOptions& options, const ReplayReport& report,
             const std::string& text);

}  // namespace utakata
