#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/lenient_json.h"
#include "cli/orders.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct ScaleOptions {
  Target target;
  std::string cluster;
  int instances = -1;
  bool is_auto = false;
};

int scale(const ScaleOptions& options) {
  if ((options.instances < 0) != options.is_auto) {
    fmt::print(stderr,
               "utakata: say how many instances, or --auto to leave it to the rules again.\n");
    return 2;
  }
  const nlohmann::json body = {
      {"instances", options.is_auto ? nlohmann::json(nullptr) : nlohmann::json(options.instances)}};
  return give_order(options.target, "/clusters/" + percent_encoded(options.cluster) + "/scale",
                    body.dump());
}

}  // namespace

void add_scale(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ScaleOptions>();
  CLI::App* command =
      program.add_subcommand("scale", "Keeps a cluster at a size or above, until --auto");
  command->add_option("cluster", options->cluster, "The cluster's name")->required();
  command->add_option("instances", options->instances, "How many at least")
      ->check(CLI::Range(0, 100'000));
  command->add_flag("--auto", options->is_auto, "Leaves the size to the rules again");
  add_target(*command, options->target);
  command->callback([options, &exit_code] { exit_code = scale(*options); });
}

}  // namespace utakata
