// What the API asks of the control loop, and what it answers: the one door between the two threads
// for everything but placing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/problem.h"

namespace utakata {

struct AdminCall {
  enum class Verb {
    status,      // everything `ps` shows: stack, clusters, instances
    explain,     // `cluster`: proposals, winner, what held it back
    activities,  // `cluster`, `instance` (both may be empty), `after`, `limit`
    scale,       // `cluster`, `number` (none: back to the rules)
    drain,
    undrain,
    replace,
    restart,  // `instance`; of restart alternatively `cluster`
    apply,  // `text`: a whole stack file; answers the difference, and applies it unless `dry_run`;
            // on air only with `override_freeze`
    down,   // `now`: without waiting for clients; otherwise `deadline_ms`, if any
    adopt,  // `cluster`, `foreign`: what somebody else started; answered later than the others
    answer  // `cluster`, `function`, `want`, `text` (why): what a user's program says
  };
  Verb verb = Verb::status;
  std::string cluster, instance, text, function;
  std::optional<double> want;
  std::optional<int> number;
  std::int64_t after = 0;
  int limit = 100;
  bool now = false, dry_run = false, override_freeze = false, override_budget = false;
  std::optional<std::int64_t> deadline_ms;
  struct {
    int pid = 0;
    std::string label{};
    std::uint16_t port = 0;  // 0: not said
  } foreign;
};

class FleetAccess {
 public:
  virtual ~FleetAccess() = default;
  // Called on the API's loop; `answer` is called there too, later, once: JSON text, or a Problem
  // (`not_found`: no such cluster or instance, with the nearest known name).
  virtual void ask(AdminCall call, std::function<void(Expected<std::string>)> answer) = 0;
};

}  // namespace utakata
