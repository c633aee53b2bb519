#include "fleet/provider/contract.h"

#include <gtest/gtest.h>

#include "fleet/provider/swarm/swarm_world.h"

namespace utakata {
namespace {

// One for the whole program: it takes some seconds.
Dockerd& swarm() {
  static Dockerd one(true);
  return one;
}

// Services of a real Swarm; what happened to them is asked of Docker's own command.
class RealSwarm final : public ContractWorld {
 public:
  RealSwarm() : world_(swarm().socket()) { listen(); }
  ~RealSwarm() override {
    if (!why_not().empty()) return;
    EXPECT_TRUE(world_.until([&] { return services().empty(); }));
  }
  std::string why_not() override { return swarm().why_not; }
  Provider& provider() override { return *world_.provider; }
  LaunchSpec spec(const InstanceId&) override { return world_.spec("exec sleep 100"); }
  void restart() override {
    world_.start();
    listen();
  }
  void kill(const ProviderNews& launched) override {
    EXPECT_TRUE(swarm()
                    .docker("kill $(docker -H unix://" + swarm().socket() +
                            " ps -q --filter label=utakata.instance=" + launched.id.text +
                            of_fleet() + ")")
                    .second);
  }
  int starts_of(const InstanceId& id) override {
    const auto starts = swarm().docker(
        "events --since 0 --until $(date +%s.%N) --filter event=start --filter "
        "label=utakata.instance=" +
        id.text + of_fleet());
    return int(std::ranges::count(starts.first, '\n'));
  }
  bool until(const std::function<bool()>& holds) override { return world_.until(holds); }

 private:
  std::string of_fleet() const {
    return " --filter label=utakata.fleet=" + world_.options.fleet_id;
  }
  std::string services() const { return swarm().docker("service ls -q" + of_fleet()).first; }
  void listen() {
    world_.provider->on_news([this] { hear(); });
  }
  SwarmWorld world_;
};

INSTANTIATE_TEST_SUITE_P(Swarm, ProviderContract, testing::Values([] {
                           return std::unique_ptr<ContractWorld>(std::make_unique<RealSwarm>());
                         }));

}  // namespace
}  // namespace utakata
