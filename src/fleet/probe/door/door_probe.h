// Looks whether an instance on another host takes a connection on its port. Nobody is counted: for
// what clients do not come to, such as a database beside the game.
//
// answered   a connection was made, or, where a readiness path is named, it answers 2xx
// ready      likewise
// metrics    [0] is 0
// The kernel goes on taking connections for a frozen program: that is not seen without a path.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fleet/model/stack.h"
#include "fleet/probe/ask/asking.h"
#include "fleet/probe/probe.h"
#include "net/curl/http_client.h"
#include "net/descriptor.h"
#include "net/loop.h"

namespace utakata {

class DoorProbe final : public Probe {
 public:
  DoorProbe(net::Loop& loop, net::HttpClient& client, const ClusterSpec& spec);
  ~DoorProbe() override;
  // Addresses that are names are not looked up: their problem says so.
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override;

 private:
  struct Door {
    std::size_t index = 0;  // in sights_
    net::Descriptor socket;
  };
  void ask(const ProbeTarget& target, std::size_t index);
  void dial(const ProbeTarget& target, std::size_t index);
  void opened(std::size_t index);
  void hear_doors();
  void end();

  net::Loop& loop_;
  const ReadySpec ready_;
  const std::size_t metrics_;
  Asking asking_;
  std::vector<Sight> sights_;
  std::vector<Door> doors_;  // not opened yet
  Instant ends_at_{};
  Duration pause_{};
  net::Loop::TimerId timer_ = 0;
  std::function<void(std::vector<Sight>)> done_;
};

}  // namespace utakata
