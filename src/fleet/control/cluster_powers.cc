// What a cluster's loop may do: the stack's `powers`, and nothing at all with what others run.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "fleet/control/cluster.h"
#include "fleet/plan/apply.h"

namespace utakata {

bool Cluster::may(const Action& action) const {
  const Powers& powers = control_.stack_.powers;
  const auto found = std::ranges::find(fleet().instances, id_of(action), &Instance::id);
  if (std::holds_alternative<LaunchAction>(action)) return powers.launch;
  if (std::holds_alternative<SuspectAction>(action) || std::holds_alternative<TrustAction>(action))
    return powers.heal || powers.place;  // it leaves placement, and nothing is killed
  if (!std::holds_alternative<StopAction>(action) || found == fleet().instances.end())
    return powers.drain;
  if (found->lifecycle == Lifecycle::starting) return powers.launch;
  return found->suspect ? powers.heal : powers.drain;
}

void Cluster::withhold(Plan& plan) const {
  if (fleet().desired.shutting_down) return;  // an operator's wish
  const auto kept =
      std::ranges::stable_partition(plan.actions, [this](const Action& a) { return may(a); });
  plan.withheld.assign(std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
  plan.actions.erase(kept.begin(), kept.end());
}

void Cluster::forget() {
  std::vector<ProviderNews> news;
  for (const Instance& i : fleet().instances)
    news.push_back({.kind = ProviderNews::Kind::gone,
                    .id = i.id,
                    .handle = {},
                    .address = {},
                    .what = "others run it, untouched"});
  is_forgetting_ = true;
  hear(std::move(news));
  is_forgetting_ = false;
}

// What would be done, and no more.
std::string Cluster::withheld_text(const Plan& plan) {
  std::string text;
  for (const Action& action : plan.withheld)
    text += fmt::format("{}{} {}: {}", text.empty() ? "" : "; ", kind_of(action),
                        id_of(action).text, because_of(action));
  if (text.size() > 1000) text.resize(1000);
  return text;
}

}  // namespace utakata
