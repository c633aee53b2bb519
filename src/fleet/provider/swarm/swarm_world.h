// For tests: a provider on a loop and an Engine, and waiting for what shall happen.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fleet/provider/docker/dockerd.h"
#include "fleet/provider/swarm/swarm_provider.h"
#include "net/loop.h"
#include "net/run_until.h"

namespace utakata {

class SwarmWorld {
 public:
  using Kind = ProviderNews::Kind;
  explicit SwarmWorld(const std::string& socket) {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-world-XXXXXX").string();
    folder = mkdtemp(name.data());
    options.fleet_id = "test" + folder.substr(folder.size() - 6);
    options.stack = "show";
    options.engine.socket = socket;
    options.run_folder = folder + "/run";
    options.ports_first = 24000;
    options.ports_last = 24999;
    options.list_every = 100ms;
    options.services_every = 200ms;
    options.retry_after = 50ms;
    options.say = [this](std::string_view text) { said.emplace_back(text); };
    start();
  }
  ~SwarmWorld() {
    provider.reset();
    std::filesystem::remove_all(folder);
  }

  // A new life of the controller: the old object is gone, its instances are not.
  void start() {
    provider.reset();
    provider = std::make_unique<SwarmProvider>(loop, clock, options);
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
    spec.grace = 1s;
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

  std::string folder;
  net::SystemClock clock;
  net::Loop loop;
  SwarmOptions options;
  std::unique_ptr<SwarmProvider> provider;
  std::vector<ProviderNews> news;
  std::vector<std::string> said;
};

}  // namespace utakata
