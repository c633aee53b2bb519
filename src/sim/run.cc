#include "sim/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/simulation.h"

namespace utakata {

Expected<SimResult> simulate(const SimOptions& options) {
  const auto grows = [](const ClusterSpec& spec) {
    return spec.instances_max > spec.instances_min;
  };
  if (!options.cluster.empty() &&
      std::ranges::find(options.stack.clusters, options.cluster, &ClusterSpec::name) ==
          options.stack.clusters.end())
    return problem(Problem::Kind::invalid,
                   fmt::format("{} has no cluster `{}`: name one of its clusters",
                               options.stack.name, options.cluster));
  if (options.controllers < 1 || options.controllers > 3)
    return problem(Problem::Kind::invalid, "a made-up stack has 1, 2 or 3 controllers");
  if (options.cluster.empty() && std::ranges::none_of(options.stack.clusters, grows))
    return problem(Problem::Kind::invalid,
                   fmt::format("no cluster of {} can grow: name the one whose people come with "
                               "--cluster",
                               options.stack.name));
  return Simulation(options).run();
}

std::optional<std::string> clocks_broken(const SimOptions& options, const SimResult& day) {
  SimOptions still = options;
  const auto steps = [](const Fault& fault) { return fault.kind == FaultKind::step_clock; };
  std::erase_if(still.faults, steps);
  const auto other = simulate(still);
  if (!other || other->activities == day.activities) return std::nullopt;
  const auto [one, without] = std::ranges::mismatch(day.activities, other->activities);
  if (one == day.activities.end()) return "14 clocks: without steps of the wall clock more is done";
  return fmt::format("14 clocks: {} of {} at {} only where the wall clock is stepped", one->kind,
                     one->instance, to_text(one->at - options.began));
}

}  // namespace utakata
