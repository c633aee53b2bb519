#include "fleet/provider/contract.h"

#include <gtest/gtest.h>

#include "fleet/provider/process/process_world.h"

namespace utakata {
namespace {

class RealWorld final : public ContractWorld {
 public:
  RealWorld() { listen(); }
  Provider& provider() override { return *world_.provider; }
  LaunchSpec spec(const InstanceId& id) override {
    world_.ids.push_back(id);
    return world_.spec("echo x >>started-" + id.text + "; exec sleep 100");
  }
  void restart() override {
    world_.start();
    listen();
  }
  void kill(const ProviderNews& launched) override {
    ::kill(ProcessWorld::pid_of(launched), SIGKILL);
  }
  int starts_of(const InstanceId& id) override {
    return int(text_of(world_.folder + "/started-" + id.text).size()) / 2;
  }
  bool until(const std::function<bool()>& holds) override { return world_.until(holds); }

 private:
  void listen() {
    world_.provider->on_news([this] { hear(); });
  }
  ProcessWorld world_;
};

INSTANTIATE_TEST_SUITE_P(Process, ProviderContract, testing::Values([] {
                           return std::unique_ptr<ContractWorld>(std::make_unique<RealWorld>());
                         }));

}  // namespace
}  // namespace utakata
