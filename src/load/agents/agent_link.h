// A run's end of its link to an agent, as a crew of workers. Loop thread only.
//
//   dialling --> greeting (its cores, and what its clock is) --> ready --> lost
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"
#include "load/agents/agent_words.h"
#include "load/workers/crew.h"
#include "net/loop.h"
#include "net/websocket.h"
#include "net/websocket_client.h"

namespace utakata::load {

struct AgentAddress {
  std::string name;  // "bees-2"
  std::string host;
  std::uint16_t port = 0;
};

class AgentLink final : public Crew {
 public:
  // `ready`: once, never before this returns: workers can be started, and the clock is known; or
  // the sentence says why not, with the agent's name. `workers`: 0: as many as it has cores.
  AgentLink(net::Loop& loop, net::WebSocketClient& client, AgentAddress address,
            const std::string& token, std::int64_t workers,
            std::function<void(Expected<void>)> ready);
  ~AgentLink() override;  // the agent ends what it runs
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;

  const std::string& name() const override { return address_.name; }
  std::int64_t workers() const override { return workers_; }
  void send(std::shared_ptr<const Bundle> bundle) override;
  Expected<std::unique_ptr<Worker>> start(Worker::Calls calls) override;
  CrewClock clock() const override;

 private:
  class FarWorker;

  void hear(std::string_view message);
  void hear(const AgentWord& word);
  void greet(const AgentWord& hello);
  void ping();
  void take_pong(const AgentWord& pong);
  void tell(std::string message);
  void send_more();
  void lose(const std::string& why);
  void hear_end(std::int64_t number, std::string_view json);
  void end_worker(std::int64_t number, const WorkerEnd& end);
  void answer(Expected<void> how);

  net::Loop& loop_;
  const AgentAddress address_;
  std::int64_t workers_;
  std::function<void(Expected<void>)> ready_;  // until it is called
  net::WebSocketClient& client_;
  net::WebSocketClient::DialId dial_ = 0;
  std::unique_ptr<net::WebSocket> socket_;
  net::Loop::TimerId pinger_ = 0, patience_ = 0, sender_ = 0, end_ = 0;

  bool is_greeted_ = false;
  std::optional<std::string> lost_;  // why
  std::string refused_;              // why, in the agent's words

  std::int64_t pings_ = 0;
  std::optional<Instant> pinged_;  // one at a time
  std::deque<CrewClock> clocks_;   // as the last pings had it

  std::shared_ptr<const Bundle> bundle_;  // under way; what is told meanwhile is held back
  std::size_t file_ = 0, offset_ = 0;
  std::deque<std::string> held_;

  std::int64_t last_worker_ = -1;
  std::map<std::int64_t, FarWorker*> far_;
};

}  // namespace utakata::load
