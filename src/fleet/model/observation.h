// What was seen in one tick of one cluster. Enough to plan from, and to replay a day.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"
#include "fleet/model/host.h"
#include "fleet/model/instance.h"

namespace utakata {

// One instance, probed once. A missed answer is `answered = false`; an answer without a usable
// number leaves `count` empty.
struct Sight {
  bool asked = false;     // false: not probed this tick (not yet launched, stopping)
  bool answered = false;  // within the deadline, with a usable answer
  bool ready =
      false;  // its readiness holds: 2xx where a path is named, and the listener is its own
  std::optional<Count> count;
  std::optional<std::int64_t> accepted;
  std::vector<double>
      metrics;          // parallel to ClusterSpec::metrics, NaN where not told; may be empty
  std::string problem;  // of a miss: "GET /stats: no answer within 800ms"
};

// What the placement side knows of one instance.
struct SeatSight {
  int seats_held = 0;
  int keys = 0;                   // live keys bound to it
  bool out_of_placement = false;  // the view in force hands it to no one
};

struct ProviderNews {
  // found: by a provider that launches nothing itself
  enum class Kind { launched, launch_failed, gone, found };
  Kind kind;
  InstanceId id;       // empty of a provider that launches nothing: `cluster` and `handle` say whom
  std::string handle;  // of launched; of gone, where it is known which of them is meant
  Address address;     // of launched and found
  std::string what;  // of launch_failed and gone: "exit code 1", "killed by signal 9", "ended while
                     // nobody watched"
  bool retry = false;  // of launch_failed: the fault was not the program's (no free port, process
                       // table full)
  std::string cluster = {};  // where `id` is empty
  // Of launched, found and gone, where the provider has more than one: who ends before its launch
  // was told of may have been anywhere.
  std::string host{}, zone{};
};

// What came of `verify` of a starting instance.
struct Verdict {
  InstanceId id;
  std::string problem;  // empty: it has passed
};

// What a user's program said last: so many instances.
struct FunctionAnswer {
  std::string function;
  double want = 0;
  std::string because;
  Duration age{};
};

struct Observation {
  Instant at{};
  WallTime wall{};    // the same moment, for `at:` alone
  bool late = false;  // we woke more than two periods late: no miss counts
  std::vector<Sight>
      sights;  // parallel to the fleet's instances; empty: nothing probed in this pass
  std::vector<SeatSight> seats;  // parallel too, or empty: placement has not spoken
  std::vector<ProviderNews> news;
  int waiting = 0;           // clients in line for a place
  std::int64_t granted = 0;  // seats that placement gave out since the controller's start
  std::vector<FunctionAnswer> answers;
  std::vector<Verdict> verdicts{};
  std::vector<Host>
      hosts{};  // that launches may go to, and those that were lost; empty: one, unnamed
};

}  // namespace utakata
