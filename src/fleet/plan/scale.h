// From the wanted size to launches, resumes and drains: promises 3 and 4, the roll-out, and what
// holds it all back. Pure.
#pragma once

#include <string>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/model/plan.h"
#include "fleet/plan/ladder.h"

namespace utakata {

inline constexpr Duration step_lasts{30s};  // drains begun so recently belong to the same step

struct ScaleLimits {
  Duration backoff{};  // no launch of the present version before that; zero: none
  std::string backoff_why;
  std::string needs;  // a cluster that must serve first; empty: none
  bool braked = false;
  bool may_shrink = true;  // false on a pass that probed nothing
  int shrunk_lately = 0;   // drains for scale-in begun within `step_lasts`, whatever became of them
  std::string frozen = {};         // by a show on air: nothing leaves; empty: it may
  std::string over_cap = {};       // the daily cap is spent: nothing beyond `min` is launched
  const Ladder* ladder = nullptr;  // the provider's hosts; none: one, without a name
  int starting_max = 50;           // booting at once: more only makes every boot slower
};

struct ScaleResult {
  std::vector<Action> actions;
  std::string held_back;
};

// How the cluster stands, in the terms of promise 4.
struct Standing {
  int starting = 0, serving = 0;  // serving: without the silent ones whose place may be taken
  int silent = 0;                 // unconfirmed dead, beyond what the brake keeps as serving
  int draining = 0, stopping = 0;
  int old_serving = 0;  // of `serving`: of another version than the file's
  int total() const { return starting + serving + silent + draining + stopping; }
  int size() const { return starting + serving; }
};
Standing standing(const Fleet& fleet, bool braked);

ScaleResult scale(const Fleet& fleet, const Want& want, const ScaleLimits& limits, Instant now);

}  // namespace utakata
