// The made-up hosts keep what every provider promises, so a planner that is right here is right
// there.
#include "sim/hosts.h"

#include <gtest/gtest.h>

#include "fleet/provider/contract.h"

namespace utakata {
namespace {

class HostsWorld final : public ContractWorld {
 public:
  HostsWorld() { restart(); }
  Provider& provider() override { return *provider_; }
  LaunchSpec spec(const InstanceId&) override { return {.cluster = "game"}; }
  void restart() override {
    provider_.reset();
    provider_ = std::make_unique<HostsProvider>(hosts_);
    provider_->on_news([this] { hear(); });
  }
  void kill(const ProviderNews& launched) override {
    if (Guest* guest = hosts_.find(launched.id)) hosts_.die(*guest, "killed by signal 9 (SIGKILL)");
  }
  int starts_of(const InstanceId& id) override { return hosts_.starts(id); }
  bool until(const std::function<bool()>& holds) override {
    for (int k = 0; k < 100 && !holds(); ++k) timeline_.run_until(timeline_.now() + 100ms);
    return holds();
  }

 private:
  Timeline timeline_{WallTime{}};
  Hosts hosts_{timeline_, 1};
  std::unique_ptr<HostsProvider> provider_;
};

INSTANTIATE_TEST_SUITE_P(Hosts, ProviderContract, testing::Values([] {
                           return std::unique_ptr<ContractWorld>(std::make_unique<HostsWorld>());
                         }));

}  // namespace
}  // namespace utakata
