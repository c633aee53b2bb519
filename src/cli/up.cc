#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/parameter_options.h"
#include "cli/start.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct UpOptions {
  std::string path = "stack.yaml";
  std::vector<std::string> parameters;
  bool is_detached = false, overrides_freeze = false;
  std::string controller, listen;
};

int up(const UpOptions& options) {
  auto parameters = parameters_from(options.parameters);
  if (!parameters) return fail(parameters.error()), 2;
  return start_from_file({.path = options.path,
                          .parameters = std::move(*parameters),
                          .is_detached = options.is_detached,
                          .overrides_freeze = options.overrides_freeze,
                          .controller = options.controller,
                          .listen = options.listen});
}

}  // namespace

void add_up(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<UpOptions>();
  CLI::App* command = program.add_subcommand(
      "up", "Starts a stack and runs it; once more after an edit: applies what has changed");
  command->add_option("file", options->path, "The stack file")->capture_default_str();
  command->add_option("-p,--parameter", options->parameters, "name=value, for a parameter")
      ->allow_extra_args(false);
  command->add_flag("-d,--detach", options->is_detached, "Returns as soon as the controller runs");
  command->add_flag("--override-freeze", options->overrides_freeze,
                    "Applies an edit even while a show is on air; recorded");
  command->add_option(
      "--controller", options->controller,
      "This controller's name, where several run the stack (`store: { etcd: ... }`); "
      "the host's name by default");
  command->add_option("--listen", options->listen,
                      "Where placements are asked for, instead of the file's `api.listen`");
  command->callback([options, &exit_code] { exit_code = up(*options); });
}

}  // namespace utakata
