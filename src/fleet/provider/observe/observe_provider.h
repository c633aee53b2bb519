// The provider that launches nothing: it is told which instances somebody else runs, by a list, a
// command or a URL of the stack file, by a Docker Engine or by PM2. It never touches one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "fleet/command/command.h"
#include "fleet/provider/docker/engine.h"
#include "fleet/provider/observe/listing.h"
#include "fleet/provider/provider.h"
#include "net/curl/http_client.h"
#include "net/loop.h"

namespace utakata {

struct ObserveOptions {
  // What is in force right now: `observe:` of a cluster may change under a running controller.
  std::function<const Stack&()> stack;
  Duration every{5s};
  Duration deadline{4s};  // of a command or an answer; under `every`, so that two never run at once
  // Told once when a list cannot be had or read any more, and once when it can again. Meanwhile
  // what was listed last stays: an unreadable list is not an empty one.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// Its news name no instance id but a cluster and a handle: `found` with an address, and `gone`.
class ObserveProvider final : public Provider {
 public:
  ObserveProvider(net::Loop& loop, net::HttpClient& client, ObserveOptions options);
  ~ObserveProvider() override;

  // Both are refused: nothing may be launched or stopped here.
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  void release(const InstanceId&, const std::string&) override {}
  // Known already: it is not found anew, and is gone when it is not listed any more.
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  std::vector<ProviderNews> hear() override { return std::exchange(news_, {}); }
  // From now on it asks, first with the loop's next turn: adopt before that.
  void on_news(std::function<void()> wake) override;

 private:
  struct Source {                          // of one cluster
    std::map<std::string, Address> known;  // by handle
    std::unique_ptr<Command> command;
    std::optional<net::HttpClient::CallId> call;
    bool asks_engine = false;
    bool is_bad = false;
  };
  void turn();
  void ask(const ClusterSpec& spec);
  void ask_url(const ClusterSpec& spec, Source& source);
  void ask_engine(const ClusterSpec& spec, Source& source);
  void run(const ClusterSpec& spec, Source& source);
  void take(const std::string& cluster, Expected<std::vector<Listed>> listing);
  void compare(const std::string& cluster, Source& source, const std::vector<Listed>& listing);
  void forget_others();
  void tell_gone(const std::string& cluster, const std::string& handle, std::string what);
  void wake();

  net::Loop& loop_;
  net::HttpClient& client_;
  std::unique_ptr<Engine> engine_;  // none before it is needed
  EngineAddress engine_address_;    // its
  const ObserveOptions options_;
  std::map<std::string, Source> sources_;
  std::vector<ProviderNews> news_;
  std::function<void()> wake_;
  net::Loop::TimerId timer_ = 0;
  bool is_asking_ = false;
};

}  // namespace utakata
