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
// An unknown count is not zero: demand.h. Of instances without one no headroom is asked for. If
// instances serve and none of them tells a count there is no opinion.
Proposal propose_headroom(const std::string& name, const HeadroomRule& rule, const Sample& sample);

}  // namespace utakata
