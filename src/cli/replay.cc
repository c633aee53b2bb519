#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/recorded_day.h"
#include "cli/target.h"

namespace utakata {
namespace {

int day(const RecordedDayOptions& options, const char* name, bool in_full) {
  const auto report = recorded_day(options, name);
  if (report) return show_day(options, *report, replay_text(*report, in_full));
  return fail(report.error()), report.error().kind == Problem::Kind::invalid ? 2 : 1;
}

}  // namespace

void add_replay(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RecordedDayOptions>();
  CLI::App* command = program.add_subcommand(
      "replay", "Lets the people of a recorded day come once more, to the same or another file");
  add_recorded_day(*command, *options);
  command->add_option("--against", options->against, "Another stack file, to compare with");
  command->callback([options, &exit_code] { exit_code = day(*options, "replayed", false); });
}

void add_shadow(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RecordedDayOptions>();
  CLI::App* shadow = program.add_subcommand(
      "shadow", "What today's way of running the instances cost, and what would have been");
  shadow->require_subcommand(1);
  CLI::App* command = shadow->add_subcommand(
      "report", "Lays what happened beside what would have been, minute by minute");
  add_recorded_day(*command, *options);
  command->callback([options, &exit_code] { exit_code = day(*options, "would have been", true); });
}

}  // namespace utakata
