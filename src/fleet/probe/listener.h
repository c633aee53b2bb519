// The question that comes before every readiness: is it the instance itself that listens on its
// port?
#pragma once

#include <functional>

#include "base/problem.h"
#include "fleet/probe/probe.h"

namespace utakata {

// Nothing: the listener is the target's own. Problems: `unavailable` (nobody listens yet),
// `conflict` (a stranger does: who asked on that port would count somebody else's clients). Empty
// where a provider cannot tell: then it is not asked.
using ListenerCheck = std::function<Expected<void>(const ProbeTarget& target)>;

}  // namespace utakata
