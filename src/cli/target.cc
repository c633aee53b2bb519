#include "cli/target.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "cli/request.h"

namespace utakata {
namespace {

const char* interrupt_words = "";  // a signal handler has no other way to learn it

void on_interrupt(int) {
  (void)!write(STDERR_FILENO, interrupt_words, std::strlen(interrupt_words));
  _exit(130);
}

std::string names_of(const std::vector<Running>& all) {
  std::string names;
  for (const auto& each : all) names += (names.empty() ? "" : ", ") + each.stack;
  return names;
}

std::vector<Running> alive() {
  auto all = all_running();
  std::erase_if(all, [](const Running& each) { return !is_running(each); });
  return all;
}

Expected<Running> choose_named(const std::string& stack) {
  std::optional<Running> found;  // one that runs, if there is one: of several any will do
  for (Running& each : all_running())
    if (each.stack == stack && (!found || !is_running(*found))) found = std::move(each);
  if (found && is_running(*found)) return *found;
  if (found)
    return problem(Problem::Kind::not_found,
                   fmt::format("the controller of {} (process {}) is gone: `utakata up` with its "
                               "stack file starts it again, and it takes "
                               "over what still runs.",
                               stack, found->pid));
  const auto others = alive();
  std::vector<std::string_view> known;
  for (const auto& each : others) known.push_back(each.stack);
  const auto guess = nearest(stack, known);
  return problem(
      Problem::Kind::not_found,
      fmt::format("no stack named {} is running here{}", stack,
                  guess            ? fmt::format(", did you mean {}?", *guess)
                  : others.empty() ? ": start it with `utakata up`."
                                   : fmt::format(": running are {}.", names_of(others))));
}

}  // namespace

void add_target(CLI::App& command, Target& target, bool has_json) {
  command.add_option("--stack", target.stack, "The stack; the only one that runs here by default")
      ->envname("UTAKATA_STACK");
  command.add_option("--url", target.url, "The controller's address, such as http://10.0.0.5:7070")
      ->envname("UTAKATA_API");
  command.add_option("--token", target.token, "The admin token, for --url")
      ->envname("UTAKATA_ADMIN_TOKEN");
  if (has_json)
    command.add_flag("--json", target.wants_json, "Prints the controller's answer as it is");
}

Expected<Running> choose(const Target& target) {
  if (!target.url.empty()) {
    if (target.stack.empty())
      return problem(Problem::Kind::invalid, "--url needs --stack: the name of the stack there.");
    std::string url = target.url;
    while (url.ends_with('/')) url.pop_back();
    return Running{.stack = target.stack,
                   .url = url,
                   .token = target.token,
                   .pid = 0,
                   .store = {},
                   .run_folder = {}};
  }
  if (!target.stack.empty()) return choose_named(target.stack);
  const auto all = alive();
  const bool is_one_stack = std::ranges::all_of(
      all, [&](const Running& each) { return each.stack == all.front().stack; });
  if (!all.empty() && is_one_stack) return all.front();
  if (all.empty())
    return problem(Problem::Kind::not_found,
                   "no stack is running here: start one with `utakata up stack.yaml`.");
  return problem(
      Problem::Kind::invalid,
      fmt::format("several stacks are running: say which with --stack: {}.", names_of(all)));
}

int fail(const Problem& problem) {
  fmt::print(stderr, "utakata: {}\n", problem.what);
  return 1;
}

int with_controller(const Target& target,
                    const std::function<Expected<int>(const Running&)>& work) {
  const auto running = choose(target);
  if (!running) return fail(running.error());
  const auto code = work(*running);
  return code ? *code : fail(code.error());
}

std::string path_in(const Running& running, const std::string& rest) {
  return "/v1/stacks/" + percent_encoded(running.stack) + rest;
}

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void end_on_interrupt(const char* words) {
  interrupt_words = words;
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace utakata
