#include "cli/load_agents.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include "cli/lenient_json.h"
#include "cli/request.h"
#include "load/agents/agent.h"

namespace utakata {
namespace {

constexpr const char* kTokenName = "LOAD_TOKEN";
constexpr std::uint16_t kPort = 7400;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

Expected<load::AgentAddress> address_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  load::AgentAddress address{.name = text, .host = text.substr(0, colon)};
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  const char* const end = text.data() + text.size();
  const auto read = colon == text.npos
                        ? std::from_chars_result{end, std::errc::invalid_argument}
                        : std::from_chars(text.data() + colon + 1, end, address.port);
  if (address.host.empty() || read.ec != std::errc() || read.ptr != end || address.port == 0)
    return problem(Problem::Kind::invalid,
                   fmt::format("{} is no agent's address: write HOST:PORT.", text));
  return address;
}

Expected<std::vector<load::AgentAddress>> in_cluster(const AgentArguments& given) {
  const auto running = choose(given.target);
  if (!running) return std::unexpected(running.error());
  const auto answer = request(*running, "GET", path_in(*running));
  if (!answer) return std::unexpected(answer.error());
  const auto status = json_from(*answer);
  std::vector<load::AgentAddress> agents;
  bool is_there = false;
  for (const auto& cluster : list_in(status, "clusters")) {
    if (text_in(cluster, "name") != given.cluster) continue;
    is_there = true;
    for (const auto& instance : list_in(cluster, "instances")) {
      if (text_in(instance, "lifecycle") != "serving" || flag_in(instance, "suspect")) continue;
      auto agent = address_of(text_in(instance, "address"));
      if (!agent) continue;  // it has none now
      agent->name = text_in(instance, "id");
      agents.push_back(std::move(*agent));
    }
  }
  if (!is_there)
    return problem(Problem::Kind::invalid,
                   fmt::format("there is no cluster {} in {}.", given.cluster, running->stack));
  if (agents.empty())
    return problem(Problem::Kind::invalid,
                   fmt::format("no instance of {} in {} serves now: `utakata ps` shows them.",
                               given.cluster, running->stack));
  return agents;
}

Expected<std::vector<load::AgentAddress>> addresses(const AgentArguments& given) {
  if (!given.cluster.empty()) return in_cluster(given);
  std::vector<load::AgentAddress> agents;
  for (const std::string& text : given.list) {
    auto agent = address_of(text);
    if (!agent) return std::unexpected(agent.error());
    agents.push_back(std::move(*agent));
  }
  return agents;
}

struct ServeArguments {
  std::string listen, node = "node";
  std::uint16_t port = 0;
};

int serve(const ServeArguments& given, const std::string& scripts) {
  if (scripts.empty())
    return fail({Problem::Kind::invalid,
                 "the load engine (load/utakata-load.node) is not beside utakata."}),
           2;
  net::Loop loop;
  auto worker = worker_node(given.node);
  worker.push_back(scripts + "/worker.mjs");
  load::Agent agent(loop,
                    {.worker = std::move(worker),
                     .token = environment(kTokenName),
                     .cores = std::int64_t(std::thread::hardware_concurrency())},
                    [](const std::string& sentence) { fmt::print(stderr, "{}\n", sentence); });
  const auto port = agent.listen(given.listen, given.port);
  if (!port) return fail(port.error()), 2;
  fmt::print(stderr, "an agent of utakata load listens on {}:{}\n", given.listen, *port);
  for (const int number : {SIGINT, SIGTERM})
    loop.on_signal(number, [&] { agent.leave([&] { loop.stop(); }); });
  loop.run();
  return 0;
}

}  // namespace

std::vector<std::string> worker_node(const std::string& node) {
  return {node, "--max-semi-space-size=2"};
}

void add_agents(CLI::App& command, AgentArguments& given) {
  auto* const cluster = command.add_option(
      "--cluster", given.cluster, "Runs the users on the instances of this cluster of a stack");
  command.add_option("--agents", given.list, "Or on these: HOST:PORT,HOST:PORT")
      ->delimiter(',')
      ->excludes(cluster);
  add_target(command, given.target, false);
}

Expected<std::unique_ptr<load::Muster>> call_agents(net::Loop& loop, const AgentArguments& given,
                                                    std::int64_t workers) {
  const auto agents = addresses(given);
  if (!agents) return std::unexpected(agents.error());
  Expected<void> result;
  auto muster = std::make_unique<load::Muster>(loop, *agents, environment(kTokenName), workers,
                                               [&](Expected<void> all) {
                                                 result = std::move(all);
                                                 loop.stop();
                                               });
  loop.run();
  if (!result) return std::unexpected(result.error());
  return muster;
}

CLI::App* add_load_agent(CLI::App& load, const std::string& scripts, int& exit_code) {
  auto given = std::make_shared<ServeArguments>();
  given->listen = environment("HOST").empty() ? "127.0.0.1" : environment("HOST");
  const auto port = environment("PORT");
  given->port = kPort;
  std::from_chars(port.data(), port.data() + port.size(), given->port);
  CLI::App* const command =
      load.add_subcommand("agent", "Lends this host to runs that are started elsewhere");
  command->add_option("--listen", given->listen, "The address; $HOST")->capture_default_str();
  command->add_option("--port", given->port, "Its port; $PORT")->capture_default_str();
  command->add_option("--node", given->node, "The Node to use")->capture_default_str();
  command->callback([given, scripts, &exit_code] { exit_code = serve(*given, scripts); });
  return command;
}

}  // namespace utakata
