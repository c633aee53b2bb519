// For tests: a provider on a loop, a folder that vanishes, and waiting for what shall happen. Real
// processes of this host.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "fleet/provider/process/process_provider.h"
#include "fleet/provider/process/tree.h"
#include "net/loop.h"

namespace utakata {

inline std::string temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "utakata-process-XXXXXX").string();
  return mkdtemp(name.data());
}

inline std::string text_of(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class ProcessWorld {
 public:
  explicit ProcessWorld(std::string place = temporary_folder()) : folder(std::move(place)) {
    options.fleet_id = "test" + folder.substr(folder.size() - 6);
    options.run_folder = folder + "/run";
    options.ports_first = 23000;
    options.ports_last = 23999;
    options.search_patience = 20s;  // a busy host is no reason to fail
    options.say = [this](std::string_view text) { said.emplace_back(text); };
    start();
  }
  ~ProcessWorld() {
    for (const auto& id : ids) EXPECT_TRUE(provider->stop(id, Duration{0}));
    provider->sweep_unknown({});
    EXPECT_TRUE(until([&] { return nothing_runs() && provider->strangers().empty(); }));
    provider.reset();
    std::filesystem::remove_all(folder);
  }

  // A new life of the controller: the old object is gone, its instances are not.
  void start() {
    provider.reset();
    provider = std::make_unique<ProcessProvider>(loop, clock, options);
    provider->on_news([this] { hear(); });
  }
  void hear() {
    for (auto& one : provider->hear()) news.push_back(std::move(one));
  }

  LaunchSpec spec(std::string run) const {
    LaunchSpec spec;
    spec.cluster = "game";
    spec.version = "v1";
    spec.run = std::move(run);
    spec.folder = folder;
    return spec;
  }
  Expected<void> launch(const std::string& id, const LaunchSpec& what) {
    ids.push_back({id});
    return provider->launch({id}, what);
  }
  // Launched, recorded, let go.
  ProviderNews run(const std::string& id, const LaunchSpec& what) {
    EXPECT_TRUE(launch(id, what));
    const auto told = wait(ProviderNews::Kind::launched, id);
    provider->release({id}, news.back().handle);
    return told;
  }
  ProviderNews run(const std::string& id, std::string text) {
    return run(id, spec(std::move(text)));
  }

  const ProviderNews* find(ProviderNews::Kind kind, const std::string& id) const {
    const auto there = std::ranges::find_if(
        news, [&](const ProviderNews& one) { return one.kind == kind && one.id.text == id; });
    return there == news.end() ? nullptr : &*there;
  }
  ProviderNews wait(ProviderNews::Kind kind, const std::string& id) {
    EXPECT_TRUE(until([&] { return find(kind, id) != nullptr; })) << "no such news of " << id;
    const auto* const one = find(kind, id);
    return one ? *one : ProviderNews{};
  }
  ProviderNews wait_gone(const std::string& id) { return wait(ProviderNews::Kind::gone, id); }
  // Serves the loop until it holds. False: not within a time that no host needs.
  template <class Condition>
  bool until(Condition holds, Duration deadline = 20s) {
    const Instant late = clock.now() + deadline;
    const auto look = loop.every(2ms, [&] {
      if (holds() || clock.now() > late) loop.stop();
    });
    loop.run();
    loop.cancel(look);
    return holds();
  }
  bool until_file(const std::string& name, const std::string& text) {
    return until([&] { return text_of(folder + "/" + name) == text; });
  }
  static pid_t pid_of(const ProviderNews& launched) {
    return process_handle_from(launched.handle).value_or(ProcessHandle{}).pid;
  }
  bool nothing_runs() const {
    return std::ranges::all_of(news, [&](const ProviderNews& one) {
      const auto handle = process_handle_from(one.handle);
      return !handle || !is_running(*handle);
    });
  }

  std::string folder;
  net::SystemClock clock;
  net::Loop loop;
  ProcessOptions options;
  std::unique_ptr<ProcessProvider> provider;
  std::vector<ProviderNews> news;
  std::vector<InstanceId> ids;
  std::vector<std::string> said;
};

}  // namespace utakata
