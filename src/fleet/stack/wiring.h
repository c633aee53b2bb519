// How the clusters of one stack hang together: `needs`, and what ${clusters.NAME...} may name.
#pragma once

#include <vector>

#include "fleet/stack/cluster_keys.h"

namespace utakata {

// Notes needs that name none, name themselves or go round in a circle; and references, in run, env
// and url, to clusters that are not needed, or to what has no value there.
void check_wiring(Reader& reader, const std::vector<ClusterDraft>& clusters);

// In an order in which every cluster stands behind those it needs, otherwise as in the file.
std::vector<ClusterSpec> in_order_of_needs(std::vector<ClusterSpec> clusters);

}  // namespace utakata
