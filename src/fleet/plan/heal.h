// Promises 6 and 7: suspicion, substitutes, condemnation, and the brake. Pure.
//
//   2nd miss: suspect, out of placement      3rd: a substitute, as surge      an answer: trusted
//   again condemned only when the provider says dead (observe.h), a fresh count says empty, or it
//   was silent for `clients_wait`
#pragma once

#include <string>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"

namespace utakata {

struct HealResult {
  std::vector<Action> actions;  // SuspectAction, TrustAction, StopAction
  bool braked = false;
  std::string brake_because;
};

// `now` is the observation's time, `looked_at` that of the last one in which instances were asked:
// silence ends there, and condemns only then, not at a death that is heard of between.
HealResult heal(const Fleet& fleet, Instant now, Instant looked_at);

// Silent so long that it no longer counts as serving: a substitute may take its place.
bool is_silent(const Instance& instance, const HealSpec& heal);

}  // namespace utakata
