#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "cli/commands.h"
#include "cli/lenient_json.h"
#include "cli/log_tail.h"
#include "cli/request.h"
#include "cli/table.h"
#include "cli/target.h"

namespace utakata {
namespace {

struct LogsOptions {
  Target target;
  std::vector<std::string> names;  // of instances or clusters; none: all
  int lines = 100;
  bool follows = false;
};

bool is_wanted(const LogsOptions& options, const std::string& cluster,
               const std::string& instance) {
  const auto named = [&](const std::string& name) {
    return std::ranges::find(options.names, name) != options.names.end();
  };
  return options.names.empty() || named(cluster) || named(instance);
}

// Instance -> the path of its log. `not_found`: nothing of that name.
Expected<std::map<std::string, std::string>> wanted_logs(const LogsOptions& options,
                                                         const Running& running) {
  const auto answer = request(running, "GET", path_in(running));
  if (!answer) return std::unexpected(answer.error());
  const auto json = json_from(*answer);
  std::map<std::string, std::string> logs;
  std::set<std::string> known;
  for (const auto& cluster : list_in(json, "clusters")) {
    known.insert(text_in(cluster, "name"));
    for (const auto& instance : list_in(cluster, "instances")) {
      known.insert(text_in(instance, "id"));
      if (is_wanted(options, text_in(cluster, "name"), text_in(instance, "id")))
        logs[text_in(instance, "id")] = text_in(instance, "log");
    }
  }
  for (const auto& name : options.names) {
    if (known.contains(name)) continue;
    // Of an instance that is gone the log is still there.
    const std::string gone = fmt::format("{}/logs/{}.log", running.run_folder, name);
    std::error_code error;
    if (running.run_folder.empty() || name.find('/') != name.npos ||
        !std::filesystem::exists(gone, error))
      return problem(
          Problem::Kind::not_found,
          fmt::format("there is no instance or cluster {} in {}: `utakata ps` lists them.", name,
                      running.stack));
    logs[name] = gone;
  }
  return logs;
}

class Logs {
 public:
  Logs(const LogsOptions& options, const Running& running)
      : options_(options), running_(running), style_(style_of(stdout)) {}

  Expected<int> show() {
    auto logs = wanted_logs(options_, running_);
    if (!logs) return std::unexpected(logs.error());
    names_instances_ = logs->size() > 1 || options_.follows;
    for (const auto& [instance, path] : *logs) {
      tails_.emplace(instance, path);
      say(instance, tails_.at(instance).last(options_.lines));
    }
    if (options_.follows) follow();
    return 0;
  }

 private:
  [[noreturn]] void follow() {
    end_on_interrupt();
    for (int turn = 1;; ++turn) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      for (auto& [instance, tail] : tails_) say(instance, tail.next());
      if (turn % 10 != 0)
        continue;  // every 2 s: new instances; a controller that is away is no reason to stop
      const auto logs = wanted_logs(options_, running_);
      if (!logs) continue;
      for (const auto& [instance, path] : *logs) tails_.emplace(instance, path);
    }
  }

  void say(const std::string& instance, const std::string& lines) {
    if (lines.empty()) return;
    put(names_instances_ ? prefixed(lines, coloured(instance + " | ", Colour::dim, style_))
                         : lines);
  }

  const LogsOptions& options_;
  const Running& running_;
  Style style_;
  bool names_instances_ = false;
  std::map<std::string, LogTail> tails_;
};

}  // namespace

void add_logs(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* command = program.add_subcommand("logs", "Shows what instances have written");
  command->add_option("names", options->names, "Instances or clusters; all by default");
  command->add_flag("-f,--follow", options->follows, "Goes on until Ctrl-C");
  command->add_option("-n,--lines", options->lines, "The last so many of each; 100 by default")
      ->check(CLI::Range(0, 1'000'000));
  add_target(*command, options->target, false);
  command->callback([options, &exit_code] {
    exit_code = with_controller(
        options->target, [&](const Running& running) { return Logs(*options, running).show(); });
  });
}

}  // namespace utakata
