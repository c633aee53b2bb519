#include "fleet/stack/advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/stack/yaml.h"

namespace utakata {
namespace {

// True of a condition that no further instance can make untrue: every aggregate in it is one of
// connections that stays when empty instances are added.
bool winds_up(const Expression& condition) {
  using Aggregate = Expression::Aggregate;
  bool has_any = false;
  for (const Expression::Node& node : condition.nodes) {
    if (node.op != Expression::Op::aggregate) continue;
    has_any = true;
    const bool stays = node.aggregate == Aggregate::max || node.aggregate == Aggregate::sum;
    if (node.metric != 0 || !stays) return false;
  }
  return has_any;
}

}  // namespace

std::vector<std::string> advice_on(const Stack& stack) {
  std::vector<std::string> advice;
  for (const ClusterSpec& cluster : stack.clusters)
    for (const Rule& rule : cluster.scale)
      if (const auto* when = std::get_if<WhenRule>(&rule.kind);
          when && when->add && winds_up(when->condition))
        advice.push_back(fmt::format(
            "{}: the rule {} winds up to `max`: {} does not fall when instances are added, because "
            "sockets stay where they are. Say avg(connections), `headroom` or `target` instead.",
            cluster.name, in_ticks(rule.name), in_ticks(when->condition.text)));
  return advice;
}

}  // namespace utakata
