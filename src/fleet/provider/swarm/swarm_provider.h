// Instances as services of a Docker Swarm, one service of one replica for each, so that whom to
// stop is ours to choose. They outlive us; a later life of the controller adopts them by their
// labels.
//
// A service is bound to one host, which is chosen before it is created: so its address is known
// before it runs, and the Swarm can never run it in two places. It is created with no replica when
// it is launched, and gets its one when it is released: one whose launch was not recorded never
// ran. Nothing restarts but by our loop. A Swarm tells deaths only to who asks: tasks are listed
// every second, and at once where the Engine of a host, which may be told in the options, has told
// of an end. What ran on a host that the Swarm has lost is gone, and its service is removed: the
// Swarm ends what is left of it when the host is back.
//
// A manager that does not answer is news of nobody's death: it is said once, and what was asked is
// asked again where that is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "fleet/provider/provider.h"
#include "net/loop.h"

namespace utakata {

struct SwarmOptions {
  // The store's: tells our services from those of another controller.
  std::string fleet_id;
  std::string stack;
  EngineAddress engine{};  // a manager's
  // Engines of other hosts, by the hosts' names: packed apps are brought there, orders to stop are
  // given there, and deaths heard from there without delay.
  std::vector<std::pair<std::string, EngineAddress>> hosts{};
  std::string zone_label = "zone";
  // False: containers are in their host's network. True: each has one of its own, and its port is
  // published on its host under the same number.
  bool publishes = false;
  // Some app is packed: nothing is launched on hosts whose Engine is not known.
  bool packs = false;
  // Absolute, made where missing; logs/ is in it.
  std::string run_folder;
  std::uint16_t ports_first = 20000, ports_last = 29999;
  std::vector<std::string> pack_leaves_out{};  // PackSpec (docker/pack/pack.h)
  std::string stack_folder{};
  std::int64_t log_bytes_max = 32 << 20;
  std::size_t ended_logs_max = 200;
  Duration list_every{1s};      // nodes and tasks: 2 KB of answer for each task
  Duration services_every{5s};  // services, too: what was removed behind our back
  Duration retry_after{1s};
  Duration words_patience{500ms};  // news of a death waits so long for its last words
  Duration place_patience{5s};     // for which the Swarm may say that there is no place for it
  // Called on the loop thread, once, when the Swarm does not answer, and when it does again.
  std::function<void(std::string_view)> say = [](std::string_view) {};
  // Where several controllers have this store: may we act for this instance's cluster?
  std::function<bool(const std::string& instance)> is_ours = [](const std::string&) {
    return true;
  };
};

class SwarmProvider final : public Provider {
 public:
  SwarmProvider(net::Loop& loop, const Clock& clock, SwarmOptions options);
  // Every service stays as it is.
  ~SwarmProvider() override;

  // `invalid`: no image, or `run` or `env` has a reference other than ${port} and ${host}. Where
  // the spec names no host one is chosen: that with the fewest of our instances. The grace between
  // SIGTERM and SIGKILL is fixed here, by the spec; only where the host's Engine is known is that
  // of stop() the one that counts.
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<Host> hosts() const override;
  std::vector<ProviderNews> hear() override;
  void on_news(std::function<void()> wake) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata
