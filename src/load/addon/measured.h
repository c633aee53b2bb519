// What the engine's own metrics are made with.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/instant.h"
#include "load/client/failure.h"
#include "load/statistics/metrics.h"

namespace utakata::load {

inline std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// Of a name that is ours, and so a good one.
inline MetricId made(Metrics& all, MetricKind kind, const char* name) {
  return all.id(kind, name).value();
}

// What was called off by who asked is none of the server's.
inline bool is_fault(FailureKind kind) {
  return kind != FailureKind::none && kind != FailureKind::given_up;
}

// By phase and kind; where a server answered with a status, that is the kind.
inline void count_fault(Metrics& all, const char* name, const std::string& phase, FailureKind kind,
                        int status) {
  const std::array tags = {
      Tag{"error", status > 0 ? std::to_string(status) : std::string(to_text(kind))},
      Tag{"phase", phase}};
  if (const auto id = all.id(MetricKind::counter, name, tags)) all.count(*id);
}

}  // namespace utakata::load
