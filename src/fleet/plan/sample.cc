#include "fleet/plan/sample.h"

#include <algorithm>
#include <cmath>

#include "fleet/plan/drain.h"
#include "fleet/plan/heal.h"

namespace utakata {
namespace {

void take_numbers(const Instance& instance, Sample& sample) {
  sample.numbers[0].push_back(instance.count->connections);
  const std::size_t told = std::min(sample.numbers.size(), instance.metrics.size());
  for (std::size_t metric = 1; metric < told; ++metric)
    if (std::isfinite(instance.metrics[metric]))
      sample.numbers[metric].push_back(instance.metrics[metric]);
}

void take_serving(const Instance& instance, const ClusterSpec& spec, Sample& sample) {
  if (is_silent(instance, spec.heal)) {
    if (instance.count) sample.connections_silent += instance.count->connections;
    return;
  }
  ++sample.serving;
  sample.seats_held += instance.seats_held;
  if (!instance.count) {
    ++sample.untold;
  } else if (!has_fresh_count(instance, spec, sample.at)) {
    ++sample.lost;
  } else {
    ++sample.told;
    sample.connections += instance.count->connections;
    if (!instance.suspect) take_numbers(instance, sample);
  }
}

}  // namespace

Sample make_sample(const Fleet& fleet, const Observation& seen, const BootTimes& boots) {
  Sample sample{.at = seen.at,
                .wall = seen.wall,
                .capacity = fleet.spec.capacity,
                .waiting = seen.waiting,
                .granted = seen.granted,
                .numbers = {},
                .boots = &boots,
                .boot_unmeasured = fleet.spec.ready.within,
                .answers = &seen.answers};
  sample.numbers.resize(std::max<std::size_t>(1, fleet.spec.metrics.size()));
  for (auto& numbers : sample.numbers) numbers.reserve(fleet.instances.size());
  for (const Instance& instance : fleet.instances) {
    sample.accepted += instance.accepted.value_or(0);
    if (instance.lifecycle == Lifecycle::starting) ++sample.starting;
    if (instance.lifecycle == Lifecycle::serving) take_serving(instance, fleet.spec, sample);
  }
  return sample;
}

}  // namespace utakata
