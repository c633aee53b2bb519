// The rules of one cluster: each a pipeline over the one stream of samples, each with an opinion or
// none in every tick.
//
// Deterministic, no clock: time is what the samples say. Not shared between threads. Rules forget
// when they are replaced (an edited file) or taken over (a restart): from then on each must see its
// whole `for` again before it fires, and one that removes also waits for its `pause`, because
// nobody remembers when it last fired. The arbiter's history (arbiter.h) is another object and
// outlives them. Kinds: headroom.h, when.h.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fleet/model/plan.h"
#include "fleet/model/stack.h"
#include "fleet/plan/sample.h"
#include "fleet/plan/stream.h"

namespace utakata {

class RuleSet {
 public:
  explicit RuleSet(const ClusterSpec& spec);
  RuleSet(RuleSet&&) = default;  // a copy would share its rules' memory
  RuleSet& operator=(RuleSet&&) = default;

  // One proposal for each rule, in the file's order; a rule without opinion is there too, and says
  // why. Samples come in rising time. Late or missing ticks are simply not fed: `for` notices the
  // gap (stream.h).
  std::vector<Proposal> feed(const Sample& sample);
  void takeover(Instant now);

 private:
  void build(std::optional<Instant> taken_over);

  ClusterSpec spec_;
  Stream<Sample> samples_;
  std::shared_ptr<std::vector<Proposal>> proposals_;  // of the tick being fed
};

}  // namespace utakata
