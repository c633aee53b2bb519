// How a server is emptied: so many clients a second are asked to go, up to so many. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/instant.h"
#include "base/problem.h"

namespace utakata::realtime {

// What a controller tells an instance (docs/apps.md), or SIGTERM.
struct DrainOrder {
  bool is_draining = true;             // false: it serves again
  double pace = 0;                     // closed a second; 0: nobody is asked to go
  std::optional<std::int64_t> most{};  // to be closed; none: all
};
// {"state":"draining"|"serving", "close":{"pace":50,"most":null}}; other keys are passed over.
// `invalid`: not that.
Expected<DrainOrder> read_drain_order(std::string_view json);

class Drain {
 public:
  void take(const DrainOrder& order, Instant now);
  bool refuses() const { return order_.is_draining; }  // who wants to come in
  bool is_over() const;                                // nobody more will be asked to go
  // How many are to be asked to go now. Fractions of a second's worth are kept.
  std::int64_t due(Instant now);

 private:
  DrainOrder order_{.is_draining = false};
  Instant since_{};
  std::int64_t asked_ = 0;
};

}  // namespace utakata::realtime
