#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/start.h"
#include "cli/target.h"
#include "fleet/stack/run_options.h"

namespace utakata {
namespace {

struct RunArguments {
  std::string name = "run", cluster = "app", instances = "1", listen = "127.0.0.1:7070", ports,
              store, port_env;
  int capacity = 1000;
  std::vector<std::string> words;
  bool is_detached = false;
};

int misuse(std::string what) { return fail({Problem::Kind::invalid, std::move(what)}), 2; }

bool take_ports(const std::string& text, ApiSpec& api) {
  unsigned first = 0, last = 0;
  if (std::sscanf(text.c_str(), "%u-%u", &first, &last) != 2 || first == 0 || first > last ||
      last > 65535)
    return false;
  api.ports_first = std::uint16_t(first);
  api.ports_last = std::uint16_t(last);
  return true;
}

int run(const RunArguments& given) {
  RunOptions options;
  options.name = given.name;
  options.cluster = given.cluster;
  options.folder = std::filesystem::current_path().string();
  if (!given.store.empty()) options.store = std::filesystem::absolute(given.store).string();
  options.command = given.words;
  options.capacity = given.capacity;
  options.port_env = given.port_env;
  const auto range = instances_range_from(given.instances);
  if (!range)
    return misuse("--instances " + given.instances + " is no number or range such as 3 or 2..10");
  std::tie(options.instances_min, options.instances_max) = *range;
  if (!take_listen(given.listen, options.api.listen))
    return misuse("--listen " + given.listen + " is no address with a port such as 127.0.0.1:7070");
  if (!given.ports.empty() && !take_ports(given.ports, options.api))
    return misuse("--ports " + given.ports + " is no range such as 20000-29999");
  return start_stack(stack_from_run(options), given.is_detached);
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RunArguments>();
  CLI::App* command =
      program.add_subcommand("run", "Runs a command as an elastic cluster, without a stack file");
  command->add_option("--instances", options->instances, "How many: 3 or 2..10")
      ->capture_default_str();
  command->add_option("--capacity", options->capacity, "Connections that one instance may hold")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command->add_option("--name", options->name, "The stack's name")->capture_default_str();
  command->add_option("--cluster", options->cluster, "The cluster's name")->capture_default_str();
  command->add_option("--listen", options->listen, "Where placements are asked for")
      ->capture_default_str();
  command->add_option("--ports", options->ports, "Given to instances, 20000-29999 if not said");
  command->add_option("--store", options->store, "SQLite file, NAME.db here if not said");
  command->add_option("--port-env", options->port_env,
                      "A variable that carries the port too, beside PORT");
  command->add_flag("-d,--detach", options->is_detached, "Returns as soon as the controller runs");
  command->add_option("command", options->words, "After `--`: the command that runs one instance")
      ->required();
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace utakata
