#include "cli/running.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

namespace utakata {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path stacks_folder() { return fs::path(utakata_home()) / "stacks"; }
fs::path path_of(const std::string& stack, const std::string& controller) {
  return stacks_folder() / (stack + (controller.empty() ? "" : "@" + controller) + ".json");
}

struct ProcessState {
  char letter = 'Z';
  std::int64_t started = 0;
};

// proc(5): the second field, in parentheses, may itself hold spaces and parentheses.
std::optional<ProcessState> state_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  const std::size_t close = text.rfind(')');
  if (close == text.npos) return std::nullopt;
  std::istringstream fields(text.substr(close + 1));
  ProcessState state;
  fields >> state.letter;
  std::string skipped;
  for (int i = 4; i < 22; ++i) fields >> skipped;  // `starttime` is the 22nd field
  fields >> state.started;
  return fields ? std::optional(state) : std::nullopt;
}

Json to_json(const Running& r) {
  return {{"stack", r.stack},
          {"controller", r.controller},
          {"url", r.url},
          {"token", r.token},
          {"pid", r.pid},
          {"store", r.store},
          {"run_folder", r.run_folder},
          {"certificate", r.certificate},
          {"engine",
           {{"socket", r.engine.socket},
            {"host", r.engine.host},
            {"ca", r.engine.ca},
            {"certificate", r.engine.certificate},
            {"key", r.engine.key}}},
          {"started", r.started}};
}

EngineAddress engine_from(const Json& json) {
  EngineAddress engine;
  engine.socket = json.value("socket", engine.socket);
  engine.host = json.value("host", "");
  engine.ca = json.value("ca", "");
  engine.certificate = json.value("certificate", "");
  engine.key = json.value("key", "");
  return engine;
}

std::optional<Running> from_file(const fs::path& path) try {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  const Json json = Json::parse(file);
  return Running{.stack = json.at("stack"),
                 .controller = json.value("controller", ""),
                 .url = json.at("url"),
                 .token = json.value("token", ""),
                 .pid = json.value("pid", 0),
                 .store = json.value("store", ""),
                 .run_folder = json.value("run_folder", ""),
                 .certificate = json.value("certificate", ""),
                 .engine = engine_from(json.value("engine", Json::object())),
                 .started = json.value("started", std::int64_t{0})};
} catch (const Json::exception&) {
  return std::nullopt;  // not ours, or of a version to come
}

bool write_whole(const fs::path& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool is_written = write(file, text.data(), text.size()) == ssize_t(text.size());
  return close(file) == 0 && is_written;
}

}  // namespace

std::string utakata_home() {
  if (const char* home = std::getenv("UTAKATA_HOME"); home && *home) return home;
  const char* home = std::getenv("HOME");
  if (!home || !*home) {
    const passwd* entry = getpwuid(getuid());
    home = entry && entry->pw_dir ? entry->pw_dir : "/";
  }
  return (fs::path(home) / ".local/state/utakata").string();
}

Expected<void> write_running(Running running) {
  if (const auto state = state_of(running.pid)) running.started = state->started;
  const fs::path path = path_of(running.stack, running.controller);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (!error) fs::permissions(path.parent_path(), fs::perms::owner_all, error);
  const fs::path fresh = path.string() + fmt::format(".{}", getpid());
  fs::remove(fresh, error);
  if (!write_whole(fresh, to_json(running).dump(2) + "\n") ||
      std::rename(fresh.c_str(), path.c_str()) != 0)
    return problem(Problem::Kind::unavailable,
                   fmt::format("{} cannot be written: {}. Set UTAKATA_HOME to a folder that can.",
                               path.string(), std::strerror(errno)));
  return {};
}

std::optional<Running> read_running(const std::string& stack, const std::string& controller) {
  return from_file(path_of(stack, controller));
}

std::vector<Running> all_running() {
  std::vector<Running> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(stacks_folder(), error)) {
    if (entry.path().extension() != ".json") continue;
    if (auto running = from_file(entry.path())) all.push_back(std::move(*running));
  }
  std::ranges::sort(all, {}, [](const Running& r) { return std::tie(r.stack, r.controller); });
  return all;
}

void remove_running(const std::string& stack, const std::string& controller) {
  const auto running = read_running(stack, controller);
  std::error_code ignored;
  if (running && running->pid == getpid()) fs::remove(path_of(stack, controller), ignored);
}

bool is_running(const Running& running) {
  const auto state = running.pid > 0 ? state_of(running.pid) : std::nullopt;
  if (!state || state->letter == 'Z' || state->letter == 'X') return false;
  return running.started == 0 || running.started == state->started;
}

}  // namespace utakata
