// headroom: auto. So many free seats as people come while an instance boots, both as measured. A
// pipeline over the samples.
#pragma once

#include <string>

#include "fleet/model/plan.h"
#include "fleet/plan/sample.h"
#include "fleet/plan/stream.h"

namespace utakata {

// headroom = rate x boot + margin, where
//   rate    the p95 (nearest rank) of the arrivals a second of the last 10 min, each the mean of
//           10 s; or the present one where it is larger: a rush must not wait for its percentile;
//   boot    the p95 of boots, while as many booted at once as people arriving meanwhile fill;
//   margin  the larger of a fifth of rate x boot and a tenth of one instance's capacity.
// Arrivals of 10 s: seats that placement gave out and what the line grew by, or the clients that
// the instances say they took, whichever is more. O(length of the window) a tick.
Stream<Proposal> auto_headroom(const Stream<Sample>& samples, const std::string& name);

}  // namespace utakata
