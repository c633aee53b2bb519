#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {

void add_ps(CLI::App& program, int& exit_code) {
  auto target = std::make_shared<Target>();
  CLI::App* command = program.add_subcommand("ps", "Shows the clusters and instances of a stack");
  add_target(*command, *target);
  command->callback([target, &exit_code] {
    exit_code = with_controller(*target, [&](const Running& running) -> Expected<int> {
      const auto answer = request(running, "GET", path_in(running));
      if (!answer) return std::unexpected(answer.error());
      put(target->wants_json ? *answer + "\n" : render_status(*answer, style_of(stdout)));
      return 0;
    });
  });
}

}  // namespace utakata
