// An agent: it lends this host to the runs of others, one at a time. A server with /healthz and
// /stats, as an instance of a stack has, and a WebSocket at /agent, over which a run sends its
// scenario, has workers started and hears of them. Loop thread only.
//
// Who may open that WebSocket runs programs here as this user: it needs the token, and where there
// is none a connection of this host. A web page may not, wherever it is shown.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "net/loop.h"

namespace utakata::load {

struct AgentSettings {
  std::vector<std::string> worker;  // the command; the folder of what was unpacked is added
  std::string token{};              // "": only connections of this host
  std::int64_t cores = 1;
};

class Agent {
 public:
  // `notice`: sentences for who looks after this host, such as when a run begins and ends.
  Agent(net::Loop& loop, AgentSettings settings, std::function<void(const std::string&)> notice);
  ~Agent();  // the run that is here ends without a word
  // Problems: those of net::HttpServer; `invalid`: without a token, an address that is not of this
  // host alone.
  Expected<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  // The run that is here is told so; `done`: it has heard of it, or there is none. It waits a
  // second.
  void leave(std::function<void()> done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace utakata::load
