#include "cli/proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

namespace utakata {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string variable_of(const std::string& environment, std::string_view name) {
  for (std::size_t start = 0; start < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', start), environment.size());
    const std::string_view each = std::string_view(environment).substr(start, end - start);
    if (each.starts_with(name) && each.substr(name.size()).starts_with('='))
      return std::string(each.substr(name.size() + 1));
    start = end + 1;
  }
  return "";
}

std::optional<pid_t> pid_from(const std::string& name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() ? std::optional(pid)
                                                                  : std::nullopt;
}

// Of a process without an environment the kernel says that it begins and ends at one place
// (proc(5), stat, fields 50 and 51): in the middle of exec() it ends at 0, for a moment. A dead one
// and a thread of the kernel have no exe.
bool may_have_environment(pid_t pid) {
  std::error_code none;
  const auto exe = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), none);
  if (exe.empty()) return false;
  const std::string stat = text_of(fmt::format("/proc/{}/stat", pid));
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string begin, end;
  for (int number = 3; number <= 51; ++number) begin = std::exchange(end, ""), fields >> end;
  return end == "0" || begin != end;
}

// Empty: it has none, is dead, or may not be looked at. An exec() is waited for, up to a second.
std::string environment_of(pid_t pid) {
  for (int patience = 1000;; --patience) {
    std::string environment = text_of(fmt::format("/proc/{}/environ", pid));
    if (!environment.empty() || patience == 0 || !may_have_environment(pid)) return environment;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

std::string fleet_of(pid_t pid) { return variable_of(environment_of(pid), "UTAKATA_FLEET"); }

std::vector<LeftProcess> processes_of(const std::set<std::string>& fleets) {
  std::vector<LeftProcess> left;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = pid_from(entry.path().filename().string());
    if (!pid) continue;
    const std::string environment = environment_of(*pid);
    if (fleets.contains(variable_of(environment, "UTAKATA_FLEET")))
      left.push_back({*pid, variable_of(environment, "UTAKATA_INSTANCE")});
  }
  std::ranges::sort(left, {}, &LeftProcess::pid);
  return left;
}

std::set<std::uint16_t> listening_in(std::string_view text) {
  std::set<std::uint16_t> ports;
  std::istringstream lines{std::string(text)};
  std::string line;
  std::getline(lines, line);  // the headings
  while (std::getline(lines, line)) {
    // "   0: 0100007F:1F90 00000000:0000 0A ..." : number, local, remote, state
    std::istringstream fields(line);
    std::string number, local, remote, state;
    fields >> number >> local >> remote >> state;
    const std::size_t colon = local.rfind(':');
    unsigned port = 0;
    if (state == "0A" && colon != local.npos &&
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16).ec ==
            std::errc{} &&
        port <= 65535)
      ports.insert(std::uint16_t(port));
  }
  return ports;
}

std::set<std::uint16_t> listening(const std::set<std::uint16_t>& ports) {
  std::set<std::uint16_t> found;
  for (const auto file : {"/proc/net/tcp", "/proc/net/tcp6"})
    for (const auto port : listening_in(text_of(file)))
      if (ports.contains(port)) found.insert(port);
  return found;
}

}  // namespace utakata
