#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/commands.h"

namespace utakata {
namespace {

// Known to the design, not to this version.
constexpr std::string_view later[] = {"realtime",  "deploy", "rollback", "config", "image",
                                      "functions", "adopt",  "export",   "top"};

// What CLI11 would say of a mistyped command helps nobody.
int refuse_command(const CLI::App& program, std::string_view word) {
  if (std::ranges::find(later, word) != std::end(later)) {
    fmt::print(stderr, "utakata: `{}` is not yet supported by this version.\n", word);
    return 2;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  const auto guess = nearest(word, known);
  fmt::print(stderr, "utakata: `{}` is no command{} `utakata --help` lists them.\n", word,
             guess ? fmt::format(", did you mean `{}`?", *guess) : ".");
  return 2;
}

void add_commands(CLI::App& program, int& exit_code) {
  for (const auto add : {add_run, add_up, add_down, add_ps, add_logs, add_activities, add_explain,
                         add_exec, add_place, add_scale, add_orders, add_adopt, add_check,
                         add_schema, add_simulate, add_replay, add_shadow, add_load})
    add(program, exit_code);
}

bool has_command(const CLI::App& program, const std::string& word) {
  return !program.get_subcommands([&](const CLI::App* each) { return each->get_name() == word; })
              .empty();
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App program{"Runs elastic clusters of servers with long-lived connections.", "utakata"};
  program.set_version_flag("--version", std::string("utakata ") + UTAKATA_VERSION);
  program.footer(
      "Exit codes: 0 done, 1 failed, 2 misuse or cannot start, 3 thresholds missed (load), 130 "
      "interrupted.");
  int exit_code = 0;
  add_commands(program, exit_code);
  if (argc < 2) {
    fmt::print(stderr, "{}", program.help());
    return 2;
  }
  const std::string first = argv[1];
  if (!first.starts_with('-') && !has_command(program, first))
    return refuse_command(program, first);
  // A stack may be named like a command: `utakata down shadow`.
  if (has_command(program, first))
    for (CLI::App* each : program.get_subcommands([](CLI::App*) { return true; }))
      if (each->get_name() != first) each->disabled();
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return program.exit(e);  // --help, --version
    fmt::print(stderr, "utakata: {}{} `utakata {}--help` says how.\n", e.what(),
               std::string_view(e.what()).ends_with('.') ? "" : ".",
               has_command(program, first) ? first + " " : "");
    return 2;
  }
  return exit_code;
}

}  // namespace utakata
