// From the fleet to what the placing side is told. Pure; linear.
#pragma once

#include "fleet/model/fleet.h"
#include "fleet/model/placement.h"

namespace utakata {

// Out of placement at once: suspects (unless the brake is on: then placement goes by the last good
// view), the draining.
// `last` are the last view's, and become this one's.
using Identities = std::vector<std::shared_ptr<const Placeable::Identity>>;
PlacementView placement_view(const Fleet& fleet, bool braked, Instant now, Identities& last);

}  // namespace utakata
