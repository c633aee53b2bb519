// Instances as containers of this host's Docker Engine. They outlive us, and the Engine's restart
// where it has `live-restore`; a later life of the controller adopts them by their labels.
//
// A container is created when it is launched and started when it is released: one whose launch was
// not recorded never ran, and is removed by the next life. A death is heard from the Engine's
// events; since those are not repeated, everything is listed after each connection, and every few
// seconds besides. An Engine that does not answer is news of nobody's death: it is said once, and
// what was asked is asked again where that is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/provider/provider.h"
#include "net/loop.h"

namespace utakata {

struct DockerOptions {
  // The store's: tells our containers from those of another controller on this host.
  std::string fleet_id;
  std::string stack;
  EngineAddress engine{};
  // Absolute, made where missing; logs/ and installed/ are in it.
  std::string run_folder;
  // What instances are reached at: the address' host, and ${host}.
  std::string advertise = "127.0.0.1";
  std::uint16_t ports_first = 20000, ports_last = 29999;
  // False: containers are in the host's network. True: each has one of its own, and its port is
  // published on the host under the same number.
  bool publishes = false;
  // What an app's folder leaves out when it is packed: PackSpec (pack/pack.h).
  std::vector<std::string> pack_leaves_out{};
  std::string stack_folder{};
  std::int64_t log_bytes_max = 32 << 20;
  std::size_t ended_logs_max = 200;  // a crash loop must not fill the disk
  Duration list_every{5s};
  Duration retry_after{1s};  // where the Engine did not answer
  // News of a death waits so long for its last words, and its container for the rest of them.
  Duration words_patience{20ms}, output_patience{5s};
  // Told, on the loop's thread, when the Engine stops answering, when it answers again, and of a
  // container that nothing knows of.
  std::function<void(std::string_view)> say = [](std::string_view) {};
  // Where several controllers have this store: may we act for this instance's cluster? Of another's
  // no container is touched.
  std::function<bool(const std::string& instance)> is_ours = [](const std::string&) {
    return true;
  };
};

class DockerProvider final : public Provider {
 public:
  DockerProvider(net::Loop& loop, const Clock& clock, DockerOptions options);
  // Every container stays as it is.
  ~DockerProvider() override;

  // `invalid`: neither an image nor a folder, or `run` or `env` has a reference other than ${port}
  // and ${host}. An id whose end was told is forgotten: the caller never gives one twice.
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  // By a label: running ones in the kind of network that this stack's own have, which the Engine
  // does not start anew by itself. An adopted one is stopped, and stays there.
  void find_foreign(const ForeignQuery& query,
                    std::function<void(Expected<std::vector<Foreign>>)> done) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<ProviderNews> hear() override;
  void on_news(std::function<void()> wake) override;

  // Of a container with a network of its own: its first process, as this host numbers it, and the
  // address that it has in that network, which this host reaches. None: it does not run, or this
  // is not known yet. A look-up.
  struct Inside {
    int pid = 0;
    std::string host;
  };
  std::optional<Inside> inside(std::string_view handle) const;
  std::vector<int> processes() const;  // all of those first ones

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata
