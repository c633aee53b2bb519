#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "cli/container_exec.h"
#include "cli/lenient_json.h"
#include "cli/request.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct ExecOptions {
  Target target;
  std::string instance;
  std::vector<std::string> command;
};

// Where an instance is: its first process here, or its container.
struct Place {
  long long pid = 0;
  std::string container;
  std::string service;  // of a Swarm, which knows the container
};

Expected<Place> place_of(const ExecOptions& options, const Running& running) {
  const auto answer = request(running, "GET", path_in(running));
  if (!answer) return std::unexpected(answer.error());
  const auto json = json_from(*answer);
  for (const auto& cluster : list_in(json, "clusters"))
    for (const auto& instance : list_in(cluster, "instances"))
      if (text_in(instance, "id") == options.instance) {
        if (const auto pid = number_in(instance, "pid"))
          return Place{.pid = *pid, .container = {}, .service = {}};
        if (const auto handle = text_in(instance, "handle"); handle.starts_with("docker "))
          return Place{.pid = 0, .container = handle.substr(7), .service = {}};
        else if (handle.starts_with("swarm "))
          return Place{.pid = 0, .container = {}, .service = handle.substr(6)};
        return problem(Problem::Kind::unavailable,
                       fmt::format("{} has no process on this machine yet.", options.instance));
      }
  return problem(Problem::Kind::not_found,
                 fmt::format("there is no instance {} in {}: `utakata ps` lists them.",
                             options.instance, running.stack));
}

// As the process has it, but for UTAKATA_FLEET: with that mark the command would be a part of the
// instance, counted and killed with it.
Expected<std::vector<std::string>> environment_of(long long pid) {
  std::ifstream file(fmt::format("/proc/{}/environ", pid), std::ios::binary);
  std::vector<std::string> all;
  for (std::string each; std::getline(file, each, '\0');)
    if (!each.starts_with("UTAKATA_FLEET=")) all.push_back(each);
  if (all.empty())
    return problem(
        Problem::Kind::unavailable,
        fmt::format("the environment of process {} cannot be read: it is gone, or another user's.",
                    pid));
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// Becomes the command: returns only where that failed.
Expected<int> become(const ExecOptions& options, long long pid) {
  auto environment = environment_of(pid);
  if (!environment) return std::unexpected(environment.error());
  if (chdir(fmt::format("/proc/{}/cwd", pid).c_str()) != 0)
    return problem(Problem::Kind::unavailable,
                   fmt::format("the folder of {} cannot be entered: {}.", options.instance,
                               std::strerror(errno)));
  auto command = options.command;
  for (const auto& each : *environment)
    if (each.starts_with("PATH=")) setenv("PATH", each.c_str() + 5, 1);  // execvpe searches ours
  execvpe(command.front().c_str(), pointers_to(command).data(), pointers_to(*environment).data());
  const int code = errno;
  return problem(
      Problem::Kind::not_found,
      fmt::format("{} cannot be run: {}.", options.command.front(), std::strerror(code)));
}

Expected<int> exec(const ExecOptions& options, const Running& running) {
  auto place = place_of(options, running);
  if (!place) return std::unexpected(place.error());
  if (place->pid != 0) return become(options, place->pid);
  if (running.pid == 0)
    return problem(Problem::Kind::unavailable,
                   fmt::format("{} is a container, and its Engine is not known from here: run "
                               "`utakata exec` where the controller runs.",
                               options.instance));
  if (!place->service.empty()) {
    auto container = container_of_service(running.engine, place->service);
    if (!container) return std::unexpected(container.error());
    place->container = std::move(*container);
  }
  return exec_in_container(running.engine, place->container, options.command);
}

}  // namespace

void add_exec(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command = program.add_subcommand(
      "exec", "Runs a command beside an instance: in its folder, with its environment");
  command->add_option("instance", options->instance, "Such as game-3")->required();
  command->add_option("command", options->command, "The command, after `--`")->required();
  command->positionals_at_end();
  add_target(*command, options->target, false);
  command->callback([options, &exit_code] {
    // With all positionals at the end the parser takes the `--` before the command for its first
    // word.
    if (options->command.size() > 1 && options->command.front() == "--")
      options->command.erase(options->command.begin());
    exit_code = with_controller(options->target,
                                [&](const Running& running) { return exec(*options, running); });
  });
}

}  // namespace utakata
