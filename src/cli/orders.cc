// drain, undrain, replace, restart: by hand, recorded like everything else.
#include "cli/orders.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/lenient_json.h"
#include "cli/request.h"
#include "cli/table.h"

namespace utakata {
namespace {

struct OrdersOptions {
  Target target;
  std::string name;  // of an instance, or, of restart, a cluster
  std::string deadline;
  bool now = false, override_budget = false;
};

// How long clients are waited for, as the API takes it; nothing where the text is no time.
std::optional<nlohmann::json> body_of(const OrdersOptions& options) {
  nlohmann::json body = nlohmann::json::object();
  if (options.now) body["now"] = true;
  if (options.override_budget) body["override_budget"] = true;
  if (options.deadline.empty()) return body;
  const auto deadline = duration_from(options.deadline);
  if (!deadline) return std::nullopt;
  body["deadline_ms"] = to_ms(*deadline);
  return body;
}

int order_instance(const OrdersOptions& options, const std::string& verb) {
  const auto body = body_of(options);
  if (!body) {
    fmt::print(stderr, "utakata: --deadline must be a time such as 30s or 10m, not {}.\n",
               options.deadline);
    return 2;
  }
  return give_order(options.target, "/instances/" + percent_encoded(options.name) + "/" + verb,
                    body->dump());
}

// A name may be a cluster's or an instance's: the status tells.
int restart(const OrdersOptions& options) {
  bool is_cluster = false;
  const int code = with_controller(options.target, [&](const Running& running) -> Expected<int> {
    const auto answer = request(running, "GET", path_in(running));
    if (!answer) return std::unexpected(answer.error());
    const auto json = json_from(*answer);
    is_cluster = std::ranges::any_of(list_in(json, "clusters"), [&](const auto& each) {
      return text_in(each, "name") == options.name;
    });
    return 0;
  });
  if (code != 0) return code;
  return is_cluster ? give_order(options.target,
                                 "/clusters/" + percent_encoded(options.name) + "/restart", "{}")
                    : order_instance(options, "restart");
}

CLI::App* add_order(CLI::App& program, const char* verb, const char* about,
                    const std::shared_ptr<OrdersOptions>& options) {
  CLI::App* command = program.add_subcommand(verb, about);
  command->add_option("instance", options->name, "Such as game-3")->required();
  add_target(*command, options->target);
  return command;
}

}  // namespace

int give_order(const Target& target, const std::string& path, const std::string& body) {
  return with_controller(target, [&](const Running& running) -> Expected<int> {
    const auto answer = request(running, "POST", path_in(running, path), body);
    if (!answer) return std::unexpected(answer.error());
    const std::string done = printable(text_in(json_from(*answer), "done"));
    put(target.wants_json ? *answer + "\n" : (done.empty() ? "done" : done) + "\n");
    return 0;
  });
}

void add_orders(CLI::App& program, int& exit_code) {
  const std::pair<const char*, const char*> verbs[] = {
      {"drain", "Takes an instance out of placement, and stops it when its last client has left"},
      {"undrain", "Takes a draining instance back"},
      {"replace", "Launches another instance, then drains this one"},
  };
  for (const auto& [verb, about] : verbs) {
    auto options = std::make_shared<OrdersOptions>();
    CLI::App* command = add_order(program, verb, about, options);
    if (std::string_view(verb) == "drain") {
      command->add_option("--deadline", options->deadline,
                          "Cuts the clients left after this time, such as 10m");
      command->add_flag("--now", options->now, "Cuts them at once");
      command->add_flag("--override-budget", options->override_budget,
                        "Sends its clients elsewhere, whatever the disconnect budget says");
    }
    command->callback([options, verb = std::string(verb), &exit_code] {
      exit_code = order_instance(*options, verb);
    });
  }
  auto options = std::make_shared<OrdersOptions>();
  CLI::App* command =
      add_order(program, "restart",
                "Starts an instance, or a whole cluster by and by, anew; cuts nobody", options);
  command->callback([options, &exit_code] { exit_code = restart(*options); });
}

}  // namespace utakata
