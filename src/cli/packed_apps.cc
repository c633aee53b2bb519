#include "cli/packed_apps.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "fleet/provider/docker/pack/pack.h"
#include "fleet/stack/version.h"

namespace utakata {
namespace {

bool is_packed(const Stack& stack, const ClusterSpec& spec) {
  return has_containers(stack.provider) && spec.image.empty();
}

std::string folder_of(const Stack& stack, const ClusterSpec& spec) {
  return spec.app.empty() ? stack.folder : spec.app;
}

std::unexpected<Problem> cannot(const ClusterSpec& spec, const std::string& what) {
  return problem(Problem::Kind::invalid, fmt::format("clusters.{}: {}", spec.name, what));
}

// Its status, as waitpid(2) tells it.
int run_in(const std::string& folder, const std::string& command) {
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) == 0)
      execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = -1;
  if (child > 0) waitpid(child, &status, 0);
  return status;
}

}  // namespace

Expected<void> install_packed_apps(const Stack& stack) {
  std::set<std::pair<std::string, std::string>> done;
  for (const ClusterSpec& spec : stack.clusters) {
    const auto folder = folder_of(stack, spec);
    if (!is_packed(stack, spec) || spec.install.empty()) continue;
    if (!done.emplace(folder, spec.install).second) continue;
    if (const int status = run_in(folder, spec.install); status != 0)
      return cannot(
          spec,
          fmt::format(
              "`install: {}` has failed in {} ({}); what it said is above.", spec.install, folder,
              WIFEXITED(status) ? fmt::format("exit code {}", WEXITSTATUS(status)) : "killed"));
  }
  return {};
}

Expected<void> name_images(Stack& stack, const std::string& file) {
  std::map<std::pair<std::string, std::string>, std::string> contents;  // by folder and program
  for (ClusterSpec& spec : stack.clusters) {
    if (!is_packed(stack, spec)) continue;
    const PackSpec wanted{folder_of(stack, spec), spec.run.text, left_out_of_packs(stack, file),
                          stack.folder};
    std::string& content = contents[{wanted.folder, program_of(wanted.run)}];
    if (content.empty()) {
      const auto pack = pack_of(wanted);
      if (!pack) return cannot(spec, pack.error().what);
      const auto told = content_of(*pack);
      if (!told) return cannot(spec, told.error().what);
      content = *told;
    }
    spec.image = packed_image(stack.name, wanted, content);
    spec.version = version_of(spec);
  }
  return {};
}

std::vector<std::string> left_out_of_packs(const Stack& stack, const std::string& file) {
  std::vector<std::string> all = {stack.store};
  if (!file.empty()) all.push_back(file);
  return all;
}

}  // namespace utakata
