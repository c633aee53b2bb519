#include "load/agents/muster.h"

#include <utility>

namespace utakata::load {

Muster::Muster(net::Loop& loop, const std::vector<AgentAddress>& agents, const std::string& token,
               std::int64_t workers, std::function<void(Expected<void>)> done)
    : client_(loop), done_(std::move(done)), unheard_(agents.size()) {
  for (const AgentAddress& agent : agents)
    links_.push_back(std::make_unique<AgentLink>(loop, client_, agent, token, workers,
                                                 [this](const Expected<void>& one) { hear(one); }));
}

void Muster::hear(const Expected<void>& one) {
  if (!one && !result_) result_.error().what += "\n" + one.error().what;
  if (!one && result_) result_ = one;
  if (--unheard_ == 0) done_(result_);
}

std::vector<Crew*> Muster::crews() const {
  std::vector<Crew*> crews;
  for (const auto& link : links_) crews.push_back(link.get());
  return crews;
}

}  // namespace utakata::load
