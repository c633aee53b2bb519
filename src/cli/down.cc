#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/lenient_json.h"
#include "cli/proof.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/target.h"
#include "fleet/provider/docker/container.h"

namespace utakata {
namespace {

struct DownOptions {
  Target target;
  std::string deadline;
  bool now = false;
};

// What was seen of the stack, so that it can be looked for afterwards.
struct Seen {
  std::set<std::string> fleets;
  std::set<pid_t> pids;
  std::set<std::string> containers;  // their handles
  std::set<std::uint16_t> ports;
  bool is_others = false;  // `provider: observe`
};

// Of a container: its first process, as this host's kernel has it; looked for once.
std::optional<long long> pid_of(Seen& seen, const nlohmann::json& instance) {
  if (const auto pid = number_in(instance, "pid")) return *pid;
  const std::string handle = text_in(instance, "handle");
  if (seen.containers.contains(handle)) return std::nullopt;
  const auto processes = processes_in_container(handle);
  if (processes.empty()) return std::nullopt;
  seen.containers.insert(handle);
  return processes.front();
}

void take(Seen& seen, const std::string& status) {
  const auto json = json_from(status);
  seen.is_others = text_in(json, "provider") == "observe";
  if (seen.is_others) return;
  for (const auto& cluster : list_in(json, "clusters"))
    for (const auto& instance : list_in(cluster, "instances")) {
      const std::string address = text_in(instance, "address");
      unsigned port = 0;
      const std::size_t colon = address.rfind(':');
      if (colon != address.npos)
        std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
      if (port > 0 && port <= 65535) seen.ports.insert(std::uint16_t(port));
      const auto pid = pid_of(seen, instance);
      if (!pid || !seen.pids.insert(pid_t(*pid)).second) continue;
      if (const auto fleet = fleet_of(pid_t(*pid)); !fleet.empty()) seen.fleets.insert(fleet);
    }
}

// Polls until the controller is gone. A line whenever what is left has changed.
void follow(const Running& running, Seen& seen) {
  std::string before;
  for (int unanswered = 0;;) {
    const auto answer = request(running, "GET", path_in(running), {}, 5s);
    if (answer) {
      unanswered = 0;
      take(seen, *answer);
      const std::string left = render_left(*answer);
      if (left != before) put(left + "\n");
      before = left;
    } else if (running.pid > 0 ? !is_running(running) : ++unanswered >= 3) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::string ports_text(const std::set<std::uint16_t>& ports) {
  std::string text;
  for (const auto port : ports) text += fmt::format("{}{}", text.empty() ? "" : ", ", port);
  return text;
}

// What the kernel says. The last process may take a moment to be swept away.
int prove(const Running& running, const Seen& seen) {
  std::vector<LeftProcess> left;
  std::set<std::uint16_t> heard;
  for (int turn = 0; turn < 20; ++turn) {
    left = processes_of(seen.fleets);
    heard = listening(seen.ports);
    if (left.empty() && heard.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  for (const auto& each : left)
    fmt::print(stderr, "left: process {} of {}\n", each.pid, each.instance);
  if (!heard.empty()) fmt::print(stderr, "left: something listens on {}\n", ports_text(heard));
  if (left.empty())
    put(seen.fleets.empty() ? "processes: none were running\n"
                            : fmt::format("processes: none left of {}\n",
                                          plural(int(seen.pids.size()), "instance")));
  if (heard.empty())
    put(seen.ports.empty() ? "ports: none were given\n"
                           : fmt::format("ports: nothing listens on {}\n", ports_text(seen.ports)));
  put(fmt::format("kept: the record {}, the logs in {}\n", running.store, running.run_folder));
  return left.empty() && heard.empty() ? 0 : 1;
}

Expected<int> down(const DownOptions& options, const Running& running) {
  nlohmann::json body = {{"now", options.now}};
  if (!options.deadline.empty()) body["deadline_ms"] = to_ms(*duration_from(options.deadline));
  Seen seen;
  if (const auto status = request(running, "GET", path_in(running))) take(seen, *status);
  end_on_interrupt("\nutakata: the stack goes on going down; `utakata ps` shows how far it is.\n");
  const auto answer = request(running, "POST", path_in(running, "/down"), body.dump());
  if (!answer) return std::unexpected(answer.error());
  follow(running, seen);
  put(fmt::format("{} is down\n", running.stack));
  if (seen.is_others) {
    put(fmt::format("instances: forgotten; others run them, and they go on\nkept: the record {}\n",
                    running.store));
    return 0;
  }
  if (running.pid > 0) return prove(running, seen);
  put("what is left on that machine cannot be seen from here\n");
  return 0;
}

}  // namespace

void add_down(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<DownOptions>();
  CLI::App* command =
      program.add_subcommand("down", "Drains a stack, stops it, and proves that nothing is left");
  command->add_option("name", options->target.stack,
                      "The stack; the only one that runs here by default");
  command->add_flag("--now", options->now, "Does not wait for clients");
  command->add_option("--deadline", options->deadline,
                      "Cuts the clients left after this time, such as 10m");
  add_target(*command, options->target, false);
  command->callback([options, &exit_code] {
    if (!options->deadline.empty() && !duration_from(options->deadline)) {
      fmt::print(stderr, "utakata: --deadline must be a time such as 30s or 10m, not {}.\n",
                 options->deadline);
      exit_code = 2;
      return;
    }
    exit_code = with_controller(options->target,
                                [&](const Running& running) { return down(*options, running); });
  });
}

}  // namespace utakata
