// headroom: so many free seats beyond the present demand. Pure; no memory, so it needs no pause:
// what is starting is in the size that its want is compared with.
#pragma once

#include "fleet/model/plan.h"
#include "fleet/model/rule.h"
#include "fleet/plan/sample.h"

namespace utakata {

// want = ceil((connections + held + waiting + headroom) / capacity).
//
// N % is of connections + held: the room for so many more is what a rush on the present crowd
// needs. A share of the capacity would ask for much where little goes on, and the line (waiting) is
// in already, in full; strangers could blow it up.
//
// An unknown count is not zero. A serving instance whose count was known and went stale is taken to
// be full, and no headroom is added for it. One that never told any (just up, or its probe is
// wrong) holds its own place and no more: such instances keep the fleet from shrinking, but can
// never make it grow, or a broken count would fill the cluster up to `max` with more of the same.
// If instances serve and none of them tells a count there is no opinion. Silent ones are out of the
// size, and their clients, by the last count, will be back: they need seats too.
Proposal propose_headroom(const std::string& name, const HeadroomRule& rule, const Sample& sample);

}  // namespace utakata
