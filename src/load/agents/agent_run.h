// One run that is on an agent: the files it has sent, and its workers. Private to agent. Loop
// thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "load/agents/agent_words.h"
#include "load/bundle/unpacking.h"
#include "load/workers/worker_process.h"
#include "net/loop.h"
#include "net/websocket.h"

namespace utakata::load {

// Of both ends. A line of a worker may have 64 MB; who has said nothing for 5 to 10 s is lost.
net::WebSocketSettings agent_link_settings();
// How it ended, a clause; `clean`: where the other end closed it and said no reason.
std::string link_end(const net::WebSocketEnd& end, std::string_view clean);

class AgentRun {
 public:
  // `ended`: once, the last: the link is closed or lost; the clause says how. Workers live until
  // this is dropped. Problem: that of Unpacking::in_new_folder(), of which the other end is told.
  static Expected<std::unique_ptr<AgentRun>> begin(net::Loop& loop,
                                                   std::unique_ptr<net::WebSocket> link,
                                                   std::vector<std::string> command,
                                                   std::int64_t cores,
                                                   std::function<void(const std::string&)> ended);
  ~AgentRun();
  AgentRun(const AgentRun&) = delete;
  AgentRun& operator=(const AgentRun&) = delete;

  void leave(std::string_view why);
  // Says why in the run's own words; it is heard, or cut some seconds later.
  static void turn_away(net::Loop& loop, std::unique_ptr<net::WebSocket> link,
                        std::string_view why);

 private:
  AgentRun(net::Loop& loop, std::unique_ptr<net::WebSocket> link, std::vector<std::string> command,
           std::unique_ptr<Unpacking> files);
  void hear(std::string_view message);
  void obey(const AgentWord& word);
  void start(std::int64_t number);
  void print(std::int64_t number, std::string_view line);
  void say(AgentVerb verb, std::int64_t number, std::string_view rest);
  void refuse(std::string_view why);
  WorkerProcess* find(std::int64_t number);

  net::Loop& loop_;
  const std::vector<std::string> command_;
  const std::unique_ptr<Unpacking> files_;
  std::map<std::int64_t, std::unique_ptr<WorkerProcess>> workers_;
  std::uint64_t unprinted_ = 0;  // lines, since the link is full
  std::unique_ptr<net::WebSocket> link_;
};

}  // namespace utakata::load
