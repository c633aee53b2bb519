#include "load/plan/wanted.h"

#include <algorithm>

namespace utakata::load {
namespace {

double rate_at(const OpenModel& model, Duration at) {
  if (at < 0s) return 0;
  for (const ArrivalStage& stage : model.stages) {
    if (at < stage.duration)
      return stage.from + (stage.to - stage.from) * (to_seconds(at) / to_seconds(stage.duration));
    at -= stage.duration;
  }
  return 0;
}

// As Schedule::more() has it.
std::int64_t times(std::int64_t users, double factor) {
  return std::int64_t(std::min(double(users) * factor + 0.5, double(Population::users_max)));
}

std::int64_t users_at(ClosedModel model, Duration at, double factor) {
  for (PopulationStage& stage : model.stages) {
    stage.from = times(stage.from, factor);
    stage.to = times(stage.to, factor);
  }
  return Population(model.stages).at(at);
}

}  // namespace

Wanted wanted(const LoadPlan& plan, Duration at, double factor) {
  Wanted sum;
  for (const LoadFlow& flow : plan.flows) {
    const Duration since = at - flow.start_after;
    if (const auto* closed = std::get_if<ClosedModel>(&flow.model))
      sum.users = sum.users.value_or(0) + users_at(*closed, since, factor);
    else
      sum.arrivals =
          sum.arrivals.value_or(0) + rate_at(std::get<OpenModel>(flow.model), since) * factor;
  }
  return sum;
}

}  // namespace utakata::load
