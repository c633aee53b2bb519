#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {

void add_explain(CLI::App& program, int& exit_code) {
  auto target = std::make_shared<Target>();
  auto cluster = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand(
      "explain", "Shows who wants what size of a cluster, and what holds it back");
  command->add_option("cluster", *cluster, "The cluster's name")->required();
  add_target(*command, *target);
  command->callback([target, cluster, &exit_code] {
    exit_code = with_controller(*target, [&](const Running& running) -> Expected<int> {
      const auto answer = request(
          running, "GET", path_in(running, "/clusters/" + percent_encoded(*cluster) + "/explain"));
      if (!answer) return std::unexpected(answer.error());
      put(target->wants_json ? *answer + "\n" : render_explain(*answer, style_of(stdout)));
      return 0;
    });
  });
}

}  // namespace utakata
