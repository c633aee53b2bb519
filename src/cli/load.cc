#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/load_agents.h"
#include "cli/load_compare.h"
#include "cli/load_keys.h"
#include "cli/load_outputs.h"
#include "cli/load_screen.h"
#include "cli/table.h"
#include "cli/target.h"
#include "load/control/load_control.h"
#include "load/control/status_json.h"
#include "load/report/prometheus.h"
#include "load/report/report_json.h"
#include "load/report/summary.h"
#include "load/run/load_run.h"
#include "net/loop.h"

namespace utakata {
namespace {

struct LoadArguments {
  std::string file, node = "node", ca_file;
  load::PlanOverrides overrides;
  std::int64_t workers = 0;  // 0: as many as plan and host ask for, on agents as they have cores
  std::uint64_t seed = 1;
  bool is_insecure = false, compression = false, is_paused = false, is_quiet = false;
  bool is_preflight = false;
  std::string source;
  AgentArguments agents;
  std::vector<std::string> environment;  // NAME=VALUE
  std::string http, http_token;          // "": none
  LoadOutputs outputs;
  bool has_json_on_stdout = false;
};

// Beside this program, or where packages put them.
std::optional<std::string> scripts_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& folder : {program / "load", program / "../lib/utakata/load"})
    if (std::filesystem::exists(folder / "utakata-load.node", error))
      return folder.lexically_normal().string();
  return std::nullopt;
}

// UTAKATA_STACK and UTAKATA_URL, which u.place() asks by, are the run's on all hosts.
std::map<std::string, std::string> environment_of(const LoadArguments& given) {
  std::map<std::string, std::string> all;
  for (const char* const name : {"UTAKATA_STACK", "UTAKATA_URL"})
    if (const char* const value = std::getenv(name)) all[name] = value;
  for (const std::string& one : given.environment)
    all[one.substr(0, one.find('='))] = one.substr(one.find('=') + 1);
  return all;
}

int refuse(std::string what) { return fail({Problem::Kind::invalid, std::move(what)}), 2; }

constexpr double kStep = 0.1;  // of what was planned: + and -

// One run, and all who watch and steer it.
class Rehearsal {
 public:
  Rehearsal(const LoadArguments& given, const std::string& scripts)
      : given_(given),
        screen_(given.has_json_on_stdout ? stderr : stdout, given.is_quiet),
        options_{.file = given.file,
                 .node = worker_node(given.node),
                 .scripts = scripts,
                 .workers = given.workers,
                 .host = load::read_host_facts(),
                 .overrides = given.overrides,
                 .order = {.file = {},
                           .seed = given.seed,
                           .ca_file = given.ca_file,
                           .is_insecure = given.is_insecure,
                           .environment = environment_of(given),
                           .source = given.source,
                           .compression = given.compression},
                 .is_paused = given.is_paused} {}

  int run() {
    if (const auto called = call(); !called)
      return fail(called.error()), exit_code_of(called.error());
    if (screen_.is_live()) keys_.emplace(loop_, [this](char key) { press(key); });
    if (given_.is_paused && given_.http.empty() && !(keys_ && keys_->is_heard()))
      return refuse("--paused needs somebody to resume it: a terminal, or --http");
    if (const auto heard = listen(); !heard) return keys_.reset(), refuse(heard.error().what);
    run_.emplace(loop_, options_, calls());
    hear_signals();
    loop_.every(100ms, [this] { screen_.flush(); });
    loop_.every(1s, [this] {
      const auto phase = run_->state().phase;  // of others there are ticks
      if (phase != load::LoadPhase::running && phase != load::LoadPhase::stopping) show();
    });
    show();
    loop_.run();
    screen_.clear();
    keys_.reset();
    return finish();
  }

 private:
  // Agents, if users are to be theirs.
  Expected<void> call() {
    if (!given_.agents.is_given()) return {};
    auto called = call_agents(loop_, given_.agents, given_.workers);
    if (!called) return std::unexpected(called.error());
    agents_ = std::move(*called);
    options_.agents = agents_->crews();
    return {};
  }
  static int exit_code_of(const Problem& problem) {
    return problem.kind == Problem::Kind::invalid ? 2 : 1;
  }

  load::LoadRun::Calls calls() {
    return {
        .printed = [this](std::int64_t, std::string_view line) { screen_.line(line, loop_.now()); },
        .checked = [this](const load::Preflight& found) { checked(found); },
        .ticked =
            [this](const load::LoadTick& tick, const load::Metrics& measured) {
              recent_.add(tick, measured);
              show();
            },
        .ended =
            [this](Expected<load::LoadReport> report) {
              report_ = std::move(report);
              loop_.stop();
            }};
  }

  void checked(const load::Preflight& found) {
    for (const load::Finding& one : found.findings)
      screen_.note(fmt::format(
          "{}: {}", one.severity == load::Severity::error ? "error" : "warning", one.what));
    if (!given_.is_preflight) return;
    screen_.note(fmt::format("{}; {} workers", run_->report().plan, found.workers));
    preflight_code_ = found.is_possible() ? 0 : 1;
    run_->stop();
  }

  void show() {
    if (run_ && !report_) screen_.show(run_->report(), run_->state(), recent_, loop_.now());
  }

  Expected<void> listen() {
    if (given_.http.empty()) return {};
    auto options = load::control_options(given_.http, given_.http_token);
    if (!options) return std::unexpected(options.error());
    auto control = load::LoadControl::listen(
        loop_, std::move(*options),
        {.status = [this] { return load::status_json(run_->report(), run_->state(), recent_); },
         .metrics = [this] { return load::to_prometheus(run_->report()); },
         .pause = [this](bool is_paused) { return pause(is_paused); },
         .more = [this](double factor) { return more(factor); },
         .stop = [this] { stop(); }});
    if (!control) return std::unexpected(control.error());
    control_ = std::move(*control);
    screen_.note(fmt::format("control: {}", control_->url()));
    return {};
  }

  bool is_running() const { return run_->state().phase == load::LoadPhase::running; }
  bool pause(bool is_paused) {
    if (!is_running()) return false;
    run_->pause(is_paused);
    return show(), true;
  }
  bool more(double factor) {
    if (!is_running()) return false;
    run_->more(factor);
    return show(), true;
  }
  void stop() {
    run_->stop();
    show();
  }

  void press(char key) {
    if (!run_ || report_) return;
    const load::LoadState state = run_->state();
    if (key == ' ') pause(!state.is_paused);
    if (key == '+' || key == '=') more(state.factor + kStep);
    if (key == '-' || key == '_') more(std::max(0.0, state.factor - kStep));
    if (key == 'q' || key == 'Q') interrupt();
  }

  // Who starts it with nohup wants it to outlive the terminal.
  void hear_signals() {
    struct sigaction hangup{};
    sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) loop_.on_signal(SIGHUP, [this] { interrupt(); });
    for (const int number : {SIGINT, SIGTERM}) loop_.on_signal(number, [this] { interrupt(); });
    if (screen_.is_live()) loop_.on_signal(SIGWINCH, [this] { show(); });
  }
  void interrupt() {
    if (report_) return;
    is_interrupted_ = true;
    const auto before = run_->state().phase;
    stop();
    if (!screen_.is_live() && before == load::LoadPhase::running)
      screen_.note("utakata: it is told to stop; once more ends it at once");
  }

  int finish() {
    if (preflight_code_) return *preflight_code_;
    if (!*report_) {
      std::string what = report_->error().what;
      while (what.ends_with('\n')) what.pop_back();
      fmt::print(stderr, "utakata: {}\n", what);
      if (is_interrupted_) return 130;
      return exit_code_of(report_->error());
    }
    load::LoadReport& report = **report_;
    if (const auto lines = run_->state().unshown + screen_.unshown(); lines > 0)
      report.notes.push_back(fmt::format("{} that the scenario printed were too many to be shown.",
                                         lines == 1 ? "1 line" : fmt::format("{} lines", lines)));
    std::FILE* const people = given_.has_json_on_stdout ? stderr : stdout;
    const std::string summary = load::summary_of(report, style_of(people).has_colour);
    std::fwrite(summary.data(), 1, summary.size(), people);
    std::fflush(people);
    if (given_.has_json_on_stdout) put(load::to_json(report));
    const auto failures = write_outputs(given_.outputs, report);
    for (const std::string& failure : failures) fmt::print(stderr, "utakata: {}\n", failure);
    if (is_interrupted_) return 130;
    if (!run_->broken().empty()) fmt::print(stderr, "utakata: {}\n", run_->broken());
    if (!failures.empty() || !run_->broken().empty()) return 1;
    return report.is_kept() ? 0 : 3;
  }

  const LoadArguments& given_;
  net::Loop loop_;
  LoadScreen screen_;
  load::LoadRunOptions options_;
  load::Recent recent_;
  std::unique_ptr<load::Muster> agents_;  // outlives the run
  std::optional<load::LoadRun> run_;
  std::optional<Expected<load::LoadReport>> report_;  // once it has ended
  std::unique_ptr<load::LoadControl> control_;
  std::optional<LoadKeys> keys_;
  bool is_interrupted_ = false;
  std::optional<int> preflight_code_{};
};

int rehearse(const LoadArguments& given) {
  std::error_code error;
  if (given.file.empty()) return refuse("name a scenario such as votes.mjs, before all options");
  if (!std::filesystem::is_regular_file(given.file, error))
    return refuse(given.file + " is no file: name a scenario such as votes.mjs");
  const auto scripts = scripts_folder();
  if (!scripts) return refuse("the load engine (load/utakata-load.node) is not beside utakata");
  if (const auto can = check_outputs(given.outputs); !can) return refuse(can.error().what);
  load::raise_descriptor_limit();  // the workers' as well
  std::signal(SIGPIPE, SIG_IGN);   // who reads what we print may leave before the end
  return Rehearsal(given, *scripts).run();
}

void add_outputs(CLI::App& command, LoadArguments& given) {
  command.add_option("--out", given.outputs.folder,
                     "A folder for report.json, report.csv, report.html and junit.xml");
  command.add_option("--csv", given.outputs.csv, "The points of the run, for spreadsheets");
  command.add_option("--junit", given.outputs.junit, "Thresholds and checks, for CI");
  command.add_option("--html", given.outputs.html, "A page with charts");
  command.add_option("--prometheus", given.outputs.prometheus, "Its figures, to be collected");
  command.add_flag("-q,--quiet", given.is_quiet, "Nothing but the summary at the end");
  command.add_option("--http", given.http,
                     "Is seen and steered there while it runs, such as 127.0.0.1:7171");
  command.add_option("--http-token", given.http_token, "Who asks there must show it");
  command.add_flag("--paused", given.is_paused, "Begins when it is resumed");
}

void add_plan(CLI::App& command, LoadArguments& given) {
  command.add_option("scenario", given.file, "Such as votes.mjs");
  command.add_option("--users", given.overrides.users, "So many, instead of what it says");
  command.add_option("--arrivals", given.overrides.arrivals, "Users a time, such as 50/s");
  command.add_option("--duration", given.overrides.duration, "Such as 5m");
  command.add_option("--iterations", given.overrides.iterations, "Of each user, at most");
  command.add_flag("--preflight", given.is_preflight,
                   "Only say what this host allows, and which limit would be hit");
  command.add_option("--workers", given.workers, "Node processes")->check(CLI::Range(1, 1000));
  command.add_option("--seed", given.seed, "For u.random()")->capture_default_str();
  command.add_option("--node", given.node, "The Node to use")->capture_default_str();
  command.add_option("--ca", given.ca_file, "Authorities that https: and wss: believe (PEM)");
  command.add_flag("--insecure", given.is_insecure, "Believe any certificate");
  command.add_option("--source", given.source,
                     "Addresses that connections come from: 127.0.0.0/8, a list, or an interface");
  command.add_flag("--compression", given.compression, "WebSockets offer permessage-deflate");
  command.add_option("-e,--env", given.environment, "NAME=VALUE in the scenario's process.env")
      ->allow_extra_args(false)  // one each time, lest it takes the scenario's name as well
      ->check([](const std::string& text) {
        return text.find('=') == text.npos || text[0] == '=' ? text + " is not NAME=VALUE" : "";
      });
  add_agents(command, given.agents);
}

}  // namespace

void add_load(CLI::App& program, int& exit_code) {
  auto given = std::make_shared<LoadArguments>();
  CLI::App* command = program.add_subcommand(
      "load", "Rehearses the show: runs virtual users from a scenario in JavaScript");
  add_plan(*command, *given);
  add_outputs(*command, *given);
  const CLI::Option* const json =
      command
          ->add_option("--json", given->outputs.json,
                       "The report in a file; or, without one, on stdout and nothing else there")
          ->expected(0, 1);
  add_load_compare(*command, exit_code);
  add_load_agent(*command, scripts_folder().value_or(std::string()), exit_code);
  command->callback([command, given, json, &exit_code] {
    if (!command->get_subcommands().empty()) return;
    given->has_json_on_stdout = json->count() > 0 && given->outputs.json.empty();
    exit_code = rehearse(*given);
  });
}

}  // namespace utakata
