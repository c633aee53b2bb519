// `utakata load ... --cluster bees`, and the other end of it, `utakata load agent`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "cli/target.h"
#include "load/agents/muster.h"
#include "net/loop.h"

namespace CLI {
class App;
}

namespace utakata {

struct AgentArguments {
  std::string cluster;  // of a stack that runs, and its instances are the agents; "": none
  std::vector<std::string> list;  // HOST:PORT of agents that no stack has
  Target target;
  bool is_given() const { return !cluster.empty() || !list.empty(); }
};

void add_agents(CLI::App& command, AgentArguments& given);

// Runs the loop until all have answered. `workers`: on each; 0: as many as it has cores. Problems:
// those of the controller; `invalid`: nobody is there, or no such address; `unavailable`: not all
// can be reached.
Expected<std::unique_ptr<load::Muster>> call_agents(net::Loop& loop, const AgentArguments& given,
                                                    std::int64_t workers);

// How Node is started for a worker.
std::vector<std::string> worker_node(const std::string& node);

// load agent. `scripts`: where the load engine is; "": nowhere.
CLI::App* add_load_agent(CLI::App& load, const std::string& scripts, int& exit_code);

}  // namespace utakata
