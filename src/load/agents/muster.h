// Links to all agents of a run. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "load/agents/agent_link.h"
#include "net/loop.h"
#include "net/websocket_client.h"

namespace utakata::load {

class Muster {
 public:
  // `done`: once, never before this returns, when each has answered: all are ready, or a sentence
  // for each that is not.
  Muster(net::Loop& loop, const std::vector<AgentAddress>& agents, const std::string& token,
         std::int64_t workers, std::function<void(Expected<void>)> done);
  std::vector<Crew*> crews() const;

 private:
  void hear(const Expected<void>& one);

  net::WebSocketClient client_;
  std::function<void(Expected<void>)> done_;
  std::vector<std::unique_ptr<AgentLink>> links_;
  std::size_t unheard_ = 0;
  Expected<void> result_{};
};

}  // namespace utakata::load
