// A probe reads an instance's health and numbers. It never decides what a miss means (plan/heal.h
// does).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/model/instance.h"
#include "fleet/model/observation.h"
#include "fleet/model/stack.h"

namespace utakata {

struct ProbeTarget {
  InstanceId id;
  std::string_view handle;  // during look(); the provider's: whose listener it must be
  Address address;
  bool starting =
      false;  // readiness decides; a serving instance's readiness is its count being answered
  bool suspect = false;  // the handshake is sent only to these, where the cluster names one
  bool missed = false;   // its last answer, and not suspect yet: half of the deadline is enough,
                         // so that a frozen one is out of placement within 2.5 s of freezing
};

// One loop thread calls it and no call blocks. One Probe serves one cluster.
class Probe {
 public:
  virtual ~Probe() = default;
  // Asks all targets in parallel and calls `done` exactly once, on the loop thread, when all have
  // answered or `deadline` has passed, with one Sight for each target in their order. Not to be
  // called again before `done`.
  virtual void look(std::span<const ProbeTarget> targets, Duration deadline,
                    std::function<void(std::vector<Sight>)> done) = 0;
};

}  // namespace utakata
