// when ... for ... add, remove or to: a change of size, or a size, on a condition.
//
//   samples -> sustained(for) -> firing, with its memory -> proposals
//
// *add* fires when its condition has held for `for`, at most once in `pause`. Its want is the size
// (serving + starting) then, plus the number, or plus the percentage of the serving ones, rounded
// up, at least 1. The want is remembered, and proposed even if the condition ends, until so many
// serve, or `pause` has passed: instances take time to boot, and one that fails to should be
// replaced. Then the rule is silent, which changes nothing (arbiter.h), and may fire again.
//
// *remove* fires likewise; its want is the size less the number (with starting ones: a substitute
// that boots is not to be removed twice). It only ever lowers: the largest want wins, so with
// headroom at 4 and remove at 3 there are 4. It is withdrawn as soon as its condition is not true
// any more or cannot be told.
//
// *to* is a size: its number, rounded up, is wanted as long as the condition has held for `for`
// (without `when`: always). No memory, so no pause. A number that cannot be told is no opinion.
//
// A condition that cannot be told (expression_value.h), a late tick and a gap begin `for` anew
// (stream.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/model/plan.h"
#include "fleet/model/stack.h"
#include "fleet/plan/sample.h"
#include "fleet/plan/stream.h"

namespace utakata {

// `taken_over`: a rule that removes does not fire within its pause from then on. Copies what it
// needs.
Stream<Proposal> when_pipeline(const Stream<Sample>& samples, const std::string& name,
                               const WhenRule& rule, const ClusterSpec& spec,
                               std::optional<Instant> taken_over);

}  // namespace utakata
