#include "fleet/stack/schema.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/target.h"

namespace utakata {

void add_schema(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "schema", "Prints the JSON Schema of the stack file, for completion in editors");
  command->callback([&exit_code] {
    put(stack_schema());
    exit_code = 0;
  });
}

}  // namespace utakata
