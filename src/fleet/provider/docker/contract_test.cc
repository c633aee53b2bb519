#include "fleet/provider/contract.h"

#include <gtest/gtest.h>

#include "fleet/provider/docker/docker_world.h"

namespace utakata {
namespace {

// Containers of a real Engine; what happened to them is asked of Docker's own command.
class RealWorld final : public ContractWorld {
 public:
  RealWorld() : world_(dockerd().socket()) { listen(); }
  ~RealWorld() override {
    if (!why_not().empty()) return;
    EXPECT_TRUE(world_.until([&] { return of_engine("ps -aq").empty(); }));
  }
  std::string why_not() override { return dockerd().why_not; }
  Provider& provider() override { return *world_.provider; }
  LaunchSpec spec(const InstanceId&) override { return world_.spec("exec sleep 100"); }
  void restart() override {
    world_.start();
    listen();
  }
  void kill(const ProviderNews& launched) override {
    EXPECT_TRUE(dockerd().docker("kill " + launched.handle.substr(7)).second);
  }
  int starts_of(const InstanceId& id) override {
    const auto starts = of_engine("events --since 0 --until $(date +%s.%N) --filter event=start " +
                                  ("--filter label=utakata.instance=" + id.text));
    return int(std::ranges::count(starts, '\n'));
  }
  bool until(const std::function<bool()>& holds) override { return world_.until(holds); }

 private:
  std::string of_engine(const std::string& words) const {
    return dockerd()
        .docker(words + " --filter label=utakata.fleet=" + world_.options.fleet_id)
        .first;
  }
  void listen() {
    world_.provider->on_news([this] { hear(); });
  }
  DockerWorld world_;
};

INSTANTIATE_TEST_SUITE_P(Docker, ProviderContract, testing::Values([] {
                           return std::unique_ptr<ContractWorld>(std::make_unique<RealWorld>());
                         }));

}  // namespace
}  // namespace utakata
