// Which controller a command talks to: --stack, --url, --token, or the only one that runs. And how
// a command fails.
#pragma once

#include <functional>
#include <string>

#include "base/problem.h"
#include "cli/running.h"

namespace CLI {
class App;
}

namespace utakata {

struct Target {
  std::string stack, url, token;
  bool wants_json = false;
};

void add_target(CLI::App& command, Target& target, bool has_json = true);

// Problems: `not_found` (no such stack runs), `invalid` (several run and none was named).
Expected<Running> choose(const Target& target);

// Calls `work`, which returns the exit code; says the sentence of a Problem on stderr.
int with_controller(const Target& target, const std::function<Expected<int>(const Running&)>& work);
int fail(const Problem& problem);

// "/v1/stacks/NAME" + rest
std::string path_in(const Running& running, const std::string& rest = {});

// Writes all of it, at once visible.
void put(const std::string& text);

// From now on Ctrl-C ends this process with exit code 130, saying `words` (static storage).
void end_on_interrupt(const char* words = "");

}  // namespace utakata
