// One tick of one cluster as bytes: the one format of the store's observations, of replay,
// simulator and checkers.
//
// Byte by byte (varint: LEB128; signed: zigzag first; text: varint length, bytes):
//   version 1, or 2 where hosts are told | cluster text | wall ms signed | monotonic ns signed |
//   late and what follows, as bits | waiting varint | granted varint, answers varint, each:
//   function text, want real, its age in ms signed, why text | of version 2: hosts varint, each: up
//   1 + open 2 varint, name text, zone text | metrics varint | instances varint, each:  head varint
//   0: number is the former's + 1, flags are the former's
//                                 1: flags varint; number minus the former's, signed, or the id as
//                                 text (a flag says which)
//                            then, each where a flag names it: count varint, its age in ms signed |
//                            accepted varint | metrics from [1] on (and [0] where it is not the
//                            count) | seats varint, keys varint
//   news varint, each: kind and retry varint | id text | handle text | host text | port varint |
//   what text
// A metric is (zigzag(m) << 3 | e), worth m / 10^e; e = 7: m = 0 eight bytes of an IEEE double
// follow, m = 1 NaN. 1,000 instances with three metrics take about 11 KB. Kept exactly but for:
// instants to the millisecond, and no sentence of a miss.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/model/fleet.h"
#include "fleet/model/observation.h"

namespace utakata {

struct SeenInstance {
  InstanceId id;
  Lifecycle lifecycle = Lifecycle::starting;
  bool suspect = false;
};

struct SeenTick {
  std::string cluster;
  std::vector<SeenInstance> instances;
  Observation observation;  // `sights` and `seats` parallel to `instances`, or empty as they were
};

std::string encode_tick(std::string_view cluster, const Fleet& fleet,
                        const Observation& observation);
// `invalid`: cut short, of a newer version, or not such bytes at all. Never more than about 300
// bytes of memory for a byte.
Expected<SeenTick> decode_tick(std::string_view blob);

}  // namespace utakata
