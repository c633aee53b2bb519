#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/parameter_options.h"
#include "cli/target.h"
#include "fleet/stack/stack_file.h"
#include "sim/load.h"
#include "sim/report_html.h"
#include "sim/report_json.h"
#include "sim/report_text.h"
#include "sim/run.h"
#include "zones/zones.h"

namespace utakata {
namespace {

struct SimulateOptions {
  std::string path, against, load = "tv-show", html, cluster;
  std::vector<std::string> parameters;
  std::string length = "2h", session = "30m", boot = "3s", faults = "none";
  double connections = 0;
  std::uint64_t seed = 1;
  int controllers = 1;
  bool wants_json = false;
};

struct Wrong {};  // said already: misuse

[[noreturn]] void simulate_misuse(const std::string& sentence) {
  fmt::print(stderr, "utakata: {}\n", sentence);
  throw Wrong{};
}

std::string content_of(const std::string& path, const char* remedy) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf()))
    simulate_misuse(fmt::format("{} cannot be read: {}.", path, remedy));
  return std::move(text).str();
}

Stack stack_of(const std::string& path, const std::vector<std::string>& words) {
  const auto parameters = parameters_from(words);
  if (!parameters) simulate_misuse(parameters.error().what);
  const std::string text = content_of(path, "name a stack file");
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path().lexically_normal();
  auto stack = parse_stack({.text = text,
                            .folder = folder.string(),
                            .parameters = *parameters,
                            .zone_of = load_zone,
                            .zone_names = zone_names});
  if (stack) return std::move(*stack);
  fmt::print(stderr, "{}", to_text(stack.error(), path));
  throw Wrong{};
}

Duration time_of(const char* option, const std::string& text) {
  const auto time = duration_from(text);
  if (!time || *time < 1ms || *time > 24h * 366)
    simulate_misuse(fmt::format("{} must be a time such as 30m or 2h, not {}.", option, text));
  return *time;
}

double faults_of(const std::string& text) {
  if (text == "none") return 0;
  if (text == "some") return 6;
  if (text == "many") return 60;
  double number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= 0 && number <= 3600))
    simulate_misuse(fmt::format(
        "--faults must be none, some (6 an hour), many (60) or a number an hour, not {}.", text));
  return number;
}

// Half of what the clusters can hold at most, unless it was said.
double connections_of(const SimulateOptions& options, const Stack& stack) {
  if (options.connections > 0) return options.connections;
  double least = 1e9;
  for (const ClusterSpec& spec : stack.clusters) {
    const bool is_meant = options.cluster.empty() ? spec.instances_max > spec.instances_min
                                                  : spec.name == options.cluster;
    if (is_meant) least = std::min(least, 0.5 * spec.capacity * spec.instances_max);
  }
  return least;
}

LoadCurve load_of(const SimulateOptions& options, const Stack& stack) {
  auto shape =
      shape_of(options.load, connections_of(options, stack), time_of("--length", options.length));
  if (shape) return std::move(*shape);
  auto read = read_load(
      content_of(options.load, "name a CSV file, or one of steady, spike, tv-show and diurnal"));
  if (!read) simulate_misuse(fmt::format("{}: {}", options.load, read.error()));
  read->name = std::filesystem::path(options.load).filename();
  return std::move(*read);
}

// On a terminal, how far it is.
bool show_progress(Duration done, Duration length) {
  if (isatty(STDERR_FILENO))
    fmt::print(stderr, "\r{:3.0f} % ", 100 * to_seconds(done) / to_seconds(length));
  return true;
}

SimResult day_of(const SimulateOptions& options, Stack stack) {
  SimOptions sim;
  sim.load = load_of(options, stack);
  if (sim.load.began) sim.began = *sim.load.began;  // `at:` rules see that evening
  sim.stack = std::move(stack);
  // Who only observes has nothing to do in a made-up world: there it may do everything.
  if (std::exchange(sim.stack.provider, ProviderKind::process) == ProviderKind::observe)
    sim.stack.powers = {};
  sim.cluster = options.cluster;
  sim.seed = options.seed;
  sim.controllers = options.controllers;
  sim.give_back_after = sim.stack.etcd.give_back;
  sim.session = time_of("--session", options.session);
  sim.boot = time_of("--boot", options.boot);
  sim.faults_per_hour = faults_of(options.faults);
  sim.on_progress = [length = sim.load.length()](Duration done) {
    return show_progress(done, length);
  };
  auto day = simulate(sim);
  if (isatty(STDERR_FILENO)) fmt::print(stderr, "\r      \r");
  if (!day) simulate_misuse(day.error().what + ".");
  return std::move(*day);
}

void write_page(const std::string& path, const SimResult& day) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << to_html(day)) || !file.flush())
    simulate_misuse(fmt::format("{} cannot be written: name another file for --html.", path));
}

int simulate_file(const SimulateOptions& options) try {
  const SimResult day = day_of(options, stack_of(options.path, options.parameters));
  if (!options.html.empty()) write_page(options.html, day);
  if (options.against.empty()) {
    put(options.wants_json ? to_json(day) + "\n" : to_text(day));
    return day.broken.empty() ? 0 : 1;
  }
  const SimResult other = day_of(options, stack_of(options.against, options.parameters));
  put(options.wants_json ? fmt::format("[{},\n{}]\n", to_json(day), to_json(other))
                         : to_text(day, other, options.path, options.against));
  return day.broken.empty() && other.broken.empty() ? 0 : 1;
} catch (const Wrong&) {
  return 2;
}

}  // namespace

void add_simulate(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* command = program.add_subcommand(
      "simulate", "Runs a stack through a made-up day, thousands of times faster, under faults");
  command->add_option("file", options->path, "The stack file")->required();
  command->add_option("--load", options->load,
                      "steady, spike, tv-show, diurnal, or a CSV file with `seconds,connections`");
  command->add_option("--connections", options->connections,
                      "People at the highest; half of what fits at most by default");
  command->add_option("--length", options->length, "Of the day; 2h by default");
  command->add_option("--session", options->session, "How long people stay, on average; 30m");
  command->add_option("--boot", options->boot, "From launch to ready, as a median; 3s");
  command->add_option("--faults", options->faults, "none, some, many, or so many an hour");
  command->add_option("--controllers", options->controllers,
                      "That run the stack over one etcd, up to three; 1 by default");
  command->add_option("--seed", options->seed, "Another one is another day; 1 by default");
  command->add_option("--cluster", options->cluster,
                      "Whose people come; by default of every cluster that can grow");
  command->add_option("--against", options->against, "Another stack file, to compare with");
  command->add_option("--html", options->html, "Writes a page with charts to this file");
  command->add_option("-p,--parameter", options->parameters, "name=value, for a parameter")
      ->allow_extra_args(false);
  command->add_flag("--json", options->wants_json, "Prints everything as JSON");
  command->callback([options, &exit_code] { exit_code = simulate_file(*options); });
}

}  // namespace utakata
