// What the engine's own metrics are made with.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/instant.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

inline std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// Of a name that is ours, and so a good one.
inline MetricId made(Metrics& all, MetricKind kind, const char* name) {
  return all.id(kind, name).value();
}

}  // namespace utakata::load
