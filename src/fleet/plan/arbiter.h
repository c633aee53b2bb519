// Of all opinions the largest; shrinking only as far and as fast as is safe. It remembers what was
// wanted, nothing else.
//
// - Opinions are the proposals with a want, `min`, and the operator's number ("at least so many").
// - Growing is immediate, up to `max`.
// - Shrinking goes only to the largest want of the last `settle`, and at most a step at once. Until
// `settle` has been
//   watched since the start or a takeover nothing shrinks (but to `max`). A gap between two
//   decisions (the controller was frozen) counts as if the want before it had lasted, so it must be
//   settled anew.
// - Silence changes nothing: when no rule and no operator has an opinion, what was wanted stays
// wanted, within min..max, and
//   counts as wanted for `settle`. So after `add` fired to 5 the cluster stays 5, a dead one of
//   them is replaced, until an opinion is smaller and no larger one was seen for `settle`. A
//   cluster without any rules wants its `min`,
//   and so does one whose rules are all of the calendar when none of them is in force: nothing else
//   would ever make it smaller.
// - It goes by what was *wanted*, not by what is there: instances that died do not look like a
// smaller wish, so their
//   substitutes need no opinion of any rule.
#pragma once

#include <optional>
#include <span>

#include "fleet/model/plan.h"
#include "fleet/model/stack.h"
#include "fleet/plan/window.h"

namespace utakata {

struct ArbiterInput {
  const ClusterSpec& spec;     // min, max, settle, step; whether there are rules at all
  std::optional<int> by_hand;  // `utakata scale`
  int size = 0;                // starting + serving
  int serving = 0;
  Instant now{};
  std::string frozen = {};  // nothing shrinks: why; empty: it may
};

class Arbiter {
 public:
  // Wants instances in terms of starting + serving; `min` of them must serve, so the caller drains
  // only serving - want. The answer is complete: winner, because, and what limited it.
  Want decide(std::span<const Proposal> proposals, const ArbiterInput& input);

  // History begins anew at the next decision (or at the first). `size`: what the former controller
  // had recorded.
  void takeover(std::optional<int> size = std::nullopt) { *this = Arbiter{}, wanted_ = size; }

 private:
  Want largest(std::span<const Proposal> proposals, const ArbiterInput& input) const;
  void hold_settle(Want& want, const ArbiterInput& input) const;
  void hold_step(Want& want, const ArbiterInput& input) const;

  WindowMax wants_;
  std::optional<Instant> since_;  // of the first decision
  std::optional<int> wanted_;     // the last answer
};

}  // namespace utakata
