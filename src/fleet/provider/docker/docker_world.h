// For tests: a provider on a loop and an Engine, and waiting for what shall happen.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "fleet/provider/docker/docker_provider.h"
#include "fleet/provider/docker/dockerd.h"
#include "net/loop.h"
#include "net/run_until.h"

namespace utakata {

class DockerWorld {
 public:
  using Kind = ProviderNews::Kind;
  explicit DockerWorld(const std::string& socket) : DockerWorld(EngineAddress{.socket = socket}) {}
  explicit DockerWorld(const EngineAddress& engine) {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-world-XXXXXX").string();
    folder = mkdtemp(name.data());
    options.fleet_id = "test" + folder.substr(folder.size() - 6);
    options.stack = "show";
    options.engine = engine;
    options.run_folder = folder + "/run";
    options.ports_first = 24000;
    options.ports_last = 24999;
    options.list_every = 100ms;
    options.retry_after = 50ms;
    options.words_patience = 5s;  // a busy host is no reason to fail
    options.say = [this](std::string_view text) { said.emplace_back(text); };
    start();
  }
  ~DockerWorld() {
    provider.reset();
    std::filesystem::remove_all(folder);
  }

  // A new life of the controller: the old object is gone, its instances are not.
  void start() {
    provider.reset();
    provider = std::make_unique<DockerProvider>(loop, clock, options);
    provider->on_news([this] {
      for (auto& one : provider->hear()) news.push_back(std::move(one));
    });
  }
  LaunchSpec spec(std::string run) const {
    LaunchSpec spec;
    spec.cluster = "game";
    spec.version = "v1";
    spec.run = std::move(run);
    spec.folder = folder;
    spec.image = "tiny:1";
    return spec;
  }
  // Launched, recorded, let go.
  ProviderNews run(const std::string& id, const LaunchSpec& what) {
    EXPECT_TRUE(provider->launch({id}, what));
    const auto told = wait(Kind::launched, id);
    provider->release({id}, told.handle);
    return told;
  }
  const ProviderNews* find(Kind kind, const std::string& id) const {
    const auto there = std::ranges::find_if(
        news, [&](const ProviderNews& one) { return one.kind == kind && one.id.text == id; });
    return there == news.end() ? nullptr : &*there;
  }
  ProviderNews wait(Kind kind, const std::string& id) {
    EXPECT_TRUE(until([&] { return find(kind, id) != nullptr; })) << "no such news of " << id;
    const auto* const one = find(kind, id);
    return one ? *one : ProviderNews{};
  }
  bool until(const std::function<bool()>& holds) { return net::run_until(loop, holds); }
  bool was_said(std::string_view part) const {
    return std::ranges::any_of(said, [&](const auto& one) { return one.find(part) != one.npos; });
  }
  std::string log_of(const std::string& id) const {
    std::ifstream file{options.run_folder + "/logs/" + id + ".log"};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string folder;
  net::SystemClock clock;
  net::Loop loop;
  DockerOptions options;
  std::unique_ptr<DockerProvider> provider;
  std::vector<ProviderNews> news;
  std::vector<std::string> said;
};

}  // namespace utakata
