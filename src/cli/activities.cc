#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct ActivitiesOptions {
  Target target;
  std::string cluster, instance;
  int limit = 50;
  std::int64_t after = 0;
  bool follows = false;
};

std::string query_of(const ActivitiesOptions& options, std::int64_t after, int limit) {
  std::string query = fmt::format("/activities?after={}&limit={}", after, limit);
  if (!options.cluster.empty()) query += "&cluster=" + percent_encoded(options.cluster);
  if (!options.instance.empty()) query += "&instance=" + percent_encoded(options.instance);
  return query;
}

// The newest first lines, then what comes, until Ctrl-C or the controller's end.
Expected<int> show(const ActivitiesOptions& options, const Running& running) {
  if (options.follows) end_on_interrupt();
  const Style style = style_of(stdout);
  std::int64_t after = options.after;
  for (int limit = options.limit;; limit = 10'000) {
    const auto answer = request(running, "GET", path_in(running, query_of(options, after, limit)));
    if (!answer) {
      if (!options.follows || answer.error().kind != Problem::Kind::unavailable ||
          running.pid == 0 || is_running(running))
        return std::unexpected(answer.error());
      fmt::print(stderr, "the controller has ended\n");
      return 0;
    }
    const auto rendered = render_activities(*answer, style);
    if (!options.target.wants_json)
      put(rendered.text);
    else if (!options.follows || rendered.last_number > 0)
      put(*answer + "\n");
    if (!options.follows) return 0;
    after = std::max(after, rendered.last_number);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace

void add_activities(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ActivitiesOptions>();
  CLI::App* command = program.add_subcommand("activities", "Shows what was done, and why");
  command->add_option("--cluster", options->cluster, "Only of this cluster");
  command->add_option("--instance", options->instance, "Only of this instance");
  command->add_option("-n,--limit", options->limit, "The newest so many; 50 by default")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--after", options->after, "Only those with a higher number");
  command->add_flag("-f,--follow", options->follows, "Goes on until Ctrl-C");
  add_target(*command, options->target);
  command->callback([options, &exit_code] {
    exit_code = with_controller(options->target,
                                [&](const Running& running) { return show(*options, running); });
  });
}

}  // namespace utakata
