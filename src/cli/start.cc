#include "cli/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/controller.h"
#include "cli/packed_apps.h"
#include "cli/request.h"
#include "cli/running.h"
#include "fleet/stack/stack_file.h"
#include "zones/zones.h"

namespace utakata {
namespace {

int cannot_start(const std::string& what) {
  fmt::print(stderr, "utakata: {}\n", what);
  return 2;
}

// A controller of this stack that runs already is told the new file.
int apply_to(const Running& running, const std::string& text, bool overrides_freeze) {
  const auto answer =
      request(running, "POST", "/v1/stacks/" + running.stack + "/apply",
              nlohmann::json{{"text", text}, {"override_freeze", overrides_freeze}}.dump());
  if (!answer) {
    fmt::print(stderr,
               "utakata: {} is run by process {} (store {}), which did not take the file: {}\n",
               running.stack, running.pid, running.store, answer.error().what);
    return 1;
  }
  const auto json = nlohmann::json::parse(*answer, nullptr, false);
  const auto lines = json.value("difference", std::vector<std::string>{});
  for (const std::string& line : lines) fmt::print("{}\n", line);
  if (lines.empty())
    fmt::print("{} is run by process {} already (store {}), and the file changes nothing\n",
               running.stack, running.pid, running.store);
  else
    fmt::print("applied by the running controller, process {}\n", running.pid);
  return 0;
}

// The child goes on as the controller, in a session of its own; the parent says how it went.
int detach(ControllerOptions options) {
  std::error_code made;
  const std::string folder = options.stack.store + ".run";
  std::filesystem::create_directories(folder, made);
  const std::string at = options.name.empty() ? "" : "@" + options.name;
  const std::string log = fmt::format("{}/controller{}.log", folder, at);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return cannot_start("no pipe to be had: too many open files");
  const pid_t child = fork();
  if (child < 0) return cannot_start("could not fork: the process table is full");
  if (child > 0) {
    close(ends[1]);
    char said = 0;
    const bool is_up = read(ends[0], &said, 1) == 1;
    if (!is_up) return 2;  // it has said why
    const auto running = read_running(options.stack.name, options.name);
    fmt::print("{} is up at {}, process {}; its log: {}\n", options.stack.name,
               running ? running->url : "", child, log);
    return 0;
  }
  setsid();
  close(ends[0]);
  options.is_detached = true;
  options.on_started = [end = ends[1], log] {
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (file >= 0) dup2(file, STDOUT_FILENO), dup2(file, STDERR_FILENO), close(file);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO), close(nothing);
    (void)!write(end, "+", 1);
    close(end);
  };
  std::_Exit(run_controller(std::move(options)));
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "controller";
}

int become(ControllerOptions options, bool is_detached) {
  return is_detached ? detach(std::move(options)) : run_controller(std::move(options));
}

}  // namespace

bool take_listen(const std::string& text, Listen& listen) {
  const auto colon = text.rfind(':');
  if (colon != text.npos) listen.host = text.substr(0, colon);
  const std::string port = colon == text.npos ? text : text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos ||
      std::stoi(port) > 65535)
    return false;
  listen.port = std::uint16_t(std::stoi(port));
  return true;
}

int start_from_file(const StartOptions& options) {
  std::ifstream file(options.path, std::ios::binary);
  if (!file)
    return cannot_start(
        options.path +
        " cannot be read: name a stack file, or `utakata run -- COMMAND` without one");
  std::stringstream text;
  text << file.rdbuf();
  std::error_code error;
  const auto path = std::filesystem::absolute(options.path, error).lexically_normal();
  auto stack = parse_stack({.text = text.view(),
                            .folder = path.parent_path().string(),
                            .parameters = options.parameters,
                            .zone_of = load_zone,
                            .zone_names = zone_names});
  if (!stack) {
    fmt::print(stderr, "{}", to_text(stack.error(), options.path));
    return 2;
  }
  if (!options.listen.empty() && !take_listen(options.listen, stack->api.listen))
    return cannot_start("--listen " + options.listen +
                        " is no address with a port such as 127.0.0.1:7070");
  const bool has_others = !stack->etcd.endpoints.empty();
  if (!has_others && !options.controller.empty())
    return cannot_start(
        "--controller is for a stack that several run: it needs `store: { etcd: [...] }`");
  const std::string name = !has_others                  ? ""
                           : options.controller.empty() ? host_name()
                                                        : options.controller;
  if (const auto installed = install_packed_apps(*stack); !installed)
    return cannot_start(installed.error().what);
  if (const auto running = read_running(stack->name, name); running && is_running(*running)) {
    if (running->store == stack->store || has_others)
      return apply_to(*running, text.str(), options.overrides_freeze);
    return cannot_start(fmt::format(
        "a stack named {} is run by process {} with the store {}: give this one another name, "
        "or take that one down with `utakata down --stack {}`",
        stack->name, running->pid, running->store, stack->name));
  }
  if (const auto named = name_images(*stack, path.string()); !named)
    return cannot_start(named.error().what);
  return become({.stack = std::move(*stack),
                 .text = text.str(),
                 .file = path.string(),
                 .parameters = options.parameters,
                 .name = name,
                 .listen = options.listen},
                options.is_detached);
}

int start_stack(Stack stack, bool is_detached) {
  if (const auto running = read_running(stack.name); running && is_running(*running))
    return cannot_start(fmt::format(
        "{} is run by process {} already: take it down with `utakata down --stack {}`, or give "
        "this one a --name",
        stack.name, running->pid, stack.name));
  return become({.stack = std::move(stack), .text = {}, .parameters = {}}, is_detached);
}

}  // namespace utakata
