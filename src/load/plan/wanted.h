// How much a plan wants at a time of it. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/instant.h"
#include "load/plan/load_plan.h"

namespace utakata::load {

struct Wanted {
  std::optional<std::int64_t> users{};  // of closed models; none: there is no such flow
  std::optional<double> arrivals{};     // a second, of open models; likewise
  bool operator==(const Wanted&) const = default;
};

// `at`: since the start. `factor`: times as many as were planned. O(stages).
Wanted wanted(const LoadPlan& plan, Duration at, double factor = 1);

}  // namespace utakata::load
