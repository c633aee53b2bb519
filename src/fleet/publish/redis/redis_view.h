// Keeps the published view in a Redis (view_commands.h), over a connection of its own. Redis may be
// away, frozen or slow: nothing waits for it, at most one write is under way and one waits, the
// newest. What is wrong is said once, and once that it is over. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/published.h"
#include "net/loop.h"
#include "wire/redis_address.h"

namespace utakata {

struct RedisViewSettings {
  wire::RedisAddress address{};
  std::string stack{};
  // Five refreshes: a view older than that is worse than none. Among several controllers longer
  // than a takeover takes.
  Duration lives{5s};
  Duration answer_within{3s};
  Duration retry_first{100ms}, retry_most{2s};  // doubled from the one to the other
};

class RedisView {
 public:
  // `say` hears sentences for the operator, never within publish().
  RedisView(net::Loop& loop, RedisViewSettings settings,
            std::function<void(const std::string&)> say);
  ~RedisView();  // what is written already expires
  RedisView(const RedisView&) = delete;
  RedisView& operator=(const RedisView&) = delete;

  // Written as soon as the last write is answered; until then a newer one replaces it. Connects by
  // itself, and writes the newest anew after each loss.
  void publish(std::vector<PublishedCluster> clusters);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata
