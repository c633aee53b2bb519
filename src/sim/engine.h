// The made-up hosts as several controllers use them at once: through one engine, as Docker's is,
// which keeps what was launched whoever launched it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/hosts.h"

namespace utakata {

class HostsEngine {
 public:
  HostsEngine(Timeline& timeline, Hosts& hosts);

 private:
  friend class EngineProvider;
  void tell_all();

  Timeline& timeline_;
  Hosts& hosts_;
  HostsProvider inner_;
  std::vector<class EngineProvider*> all_;  // in the order of their beginnings
};

// One life of a controller at it. Like DockerProvider: what was launched and not let run is removed
// by who adopts it, and so is, at the next look around, what carries our mark, is of a cluster that
// is ours and is in nobody's record.
class EngineProvider final : public Provider {
 public:
  EngineProvider(HostsEngine& engine, std::function<bool(const InstanceId&)> is_ours);
  ~EngineProvider() override;  // everything stays as it is
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<Host> hosts() const override;
  std::vector<ProviderNews> hear() override { return std::exchange(news_, {}); }
  void on_news(std::function<void()> wake) override { wake_ = std::move(wake); }
  void look_around();  // every 5 s

 private:
  friend class HostsEngine;
  void find(const InstanceId& id, const std::string& handle);
  void tell(ProviderNews news);

  HostsEngine& engine_;
  const std::function<bool(const InstanceId&)> is_ours_;
  std::set<InstanceId> own_, launched_;  // what it knows of; what it asked for itself
  std::vector<ProviderNews> news_;
  std::function<void()> wake_ = [] {};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata
