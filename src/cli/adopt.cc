#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/orders.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct AdoptOptions {
  Target target;
  std::string cluster, label;
  int pid = 0, port = 0;
};

int adopt(const AdoptOptions& options) {
  if ((options.pid == 0) == options.label.empty()) {
    fmt::print(stderr,
               "utakata: say which: --pid of a process, or --label of containers, as in --label "
               "app=game.\n");
    return 2;
  }
  nlohmann::json body = nlohmann::json::object();
  if (options.pid != 0) body["pid"] = options.pid;
  if (!options.label.empty()) body["label"] = options.label;
  if (options.port != 0) body["port"] = options.port;
  return give_order(options.target, "/clusters/" + percent_encoded(options.cluster) + "/adopt",
                    body.dump());
}

}  // namespace

void add_adopt(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<AdoptOptions>();
  CLI::App* command = program.add_subcommand(
      "adopt", "Takes over what somebody else started: from then on it is an instance");
  command->add_option("cluster", options->cluster, "The cluster's name")->required();
  command->add_option("--pid", options->pid, "A process of this host")
      ->check(CLI::Range(1, 1 << 22));
  command->add_option("--label", options->label, "Running containers, such as app=game");
  command->add_option("--port", options->port, "Where it listens, a container inside")
      ->check(CLI::Range(1, 65535));
  add_target(*command, options->target);
  command->callback([options, &exit_code] { exit_code = adopt(*options); });
}

}  // namespace utakata
