// From the fleet to what the placing side is told. Pure; linear.
#pragma once

#include "fleet/model/fleet.h"
#include "fleet/model/placement.h"

namespace utakata {

// Out of placement at once: suspects (unless the brake is on: then placement goes by the last good
// view), the draining.
// `last`: the view before, whose identities it shares; may be none.
PlacementView placement_view(const Fleet& fleet, bool braked, Instant now,
                             const PlacementView* last);

}  // namespace utakata
