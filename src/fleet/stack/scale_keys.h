// The keys of the rules in a cluster's `scale:` list.
#pragma once

#include "fleet/model/stack.h"
#include "fleet/stack/keys.h"

namespace utakata {

// Fills `scale`, and appends to `metrics` every number that a rule names.
void read_scale(Reader& reader, const Yaml& y, ClusterSpec& into);

Section scale_section();

}  // namespace utakata
