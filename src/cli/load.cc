#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/load_outputs.h"
#include "cli/table.h"
#include "cli/target.h"
#include "load/report/summary.h"
#include "load/run/load_run.h"
#include "net/loop.h"

namespace utakata {
namespace {

struct LoadArguments {
  std::string file, node = "node", ca_file;
  load::PlanOverrides overrides;
  LoadOutputs outputs;
  std::int64_t workers = 1;
  std::uint64_t seed = 1;
  bool is_insecure = false, compression = false;
  std::string source;
};

// Beside this program, or where packages put them.
std::optional<std::string> scripts_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& folder : {program / "load", program / "../lib/utakata/load"})
    if (std::filesystem::exists(folder / "utakata-load.node", error))
      return folder.lexically_normal().string();
  return std::nullopt;
}

int refuse(std::string what) { return fail({Problem::Kind::invalid, std::move(what)}), 2; }

int exit_code_of(const load::LoadReport& report, bool was_interrupted) {
  if (was_interrupted) return 130;
  return report.is_kept() ? 0 : 3;
}

// At the end: the summary, and the files.
int report_on(const load::LoadReport& report, const LoadOutputs& outputs, bool was_interrupted) {
  put(load::summary_of(report, style_of(stdout).has_colour));
  const auto written = write_load_outputs(outputs, report);
  if (!written) return fail(written.error());
  return exit_code_of(report, was_interrupted);
}

int rehearse(const LoadArguments& given) {
  std::error_code error;
  if (given.file.empty()) return refuse("name a scenario such as votes.mjs");
  if (!std::filesystem::is_regular_file(given.file, error))
    return refuse(given.file + " is no file: name a scenario such as votes.mjs");
  const auto scripts = scripts_folder();
  if (!scripts) return refuse("the load engine (load/utakata-load.node) is not beside utakata");
  if (const auto can = try_load_outputs(given.outputs); !can) return refuse(can.error().what);
  net::Loop loop;
  int exit_code = 1, interrupts = 0;
  std::unique_ptr<load::LoadRun> run;
  run = std::make_unique<load::LoadRun>(
      loop,
      load::LoadRunOptions{.file = given.file,
                           .node = {given.node, "--max-semi-space-size=2"},
                           .scripts = *scripts,
                           .workers = given.workers,
                           .overrides = given.overrides,
                           .order = {.file = {},
                                     .seed = given.seed,
                                     .ca_file = given.ca_file,
                                     .is_insecure = given.is_insecure,
                                     .source = given.source,
                                     .compression = given.compression}},
      load::LoadRun::Calls{.printed =
                               [](std::int64_t, std::string_view line) {
                                 fmt::print("{}\n", line);
                                 std::fflush(stdout);
                               },
                           .ticked =
                               [](const load::LoadReport& so_far) {
                                 const auto& point = so_far.points.back();
                                 fmt::print(stderr, "{:4.0f} s  {} users  {} sockets\n",
                                            to_seconds(so_far.elapsed), point.users, point.sockets);
                               },
                           .ended =
                               [&](Expected<load::LoadReport> report) {
                                 if (report) {
                                   exit_code = report_on(*report, given.outputs, interrupts > 0);
                                 } else {
                                   fmt::print(stderr, "utakata: {}", report.error().what);
                                   exit_code =
                                       report.error().kind == Problem::Kind::invalid ? 2 : 1;
                                 }
                                 loop.stop();
                               }});
  const auto interrupt = [&] {
    ++interrupts;
    run->stop();
  };
  loop.on_signal(SIGINT, interrupt);
  loop.on_signal(SIGTERM, interrupt);
  loop.run();
  return exit_code;
}

}  // namespace

void add_load(CLI::App& program, int& exit_code) {
  auto given = std::make_shared<LoadArguments>();
  CLI::App* command = program.add_subcommand(
      "load", "Rehearses the show: runs virtual users from a scenario in JavaScript");
  command->add_option("scenario", given->file, "Such as votes.mjs");
  command->add_option("--users", given->overrides.users, "So many, instead of what it says");
  command->add_option("--arrivals", given->overrides.arrivals, "Users a time, such as 50/s");
  command->add_option("--duration", given->overrides.duration, "Such as 5m");
  command->add_option("--iterations", given->overrides.iterations, "Of each user, at most");
  command->add_option("--workers", given->workers, "Node processes")->check(CLI::Range(1, 1000));
  command->add_option("--seed", given->seed, "For u.random()")->capture_default_str();
  command->add_option("--node", given->node, "The Node to use")->capture_default_str();
  command->add_option("--ca", given->ca_file, "Authorities that https: and wss: believe (PEM)");
  command->add_flag("--insecure", given->is_insecure, "Believe any certificate");
  command->add_option("--source", given->source,
                      "Addresses that connections come from: 127.0.0.0/8, a list, or an interface");
  command->add_flag("--compression", given->compression, "WebSockets offer permessage-deflate");
  add_load_outputs(*command, given->outputs);
  add_load_compare(*command, exit_code);
  command->callback([command, given, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = rehearse(*given);
  });
}

}  // namespace utakata
