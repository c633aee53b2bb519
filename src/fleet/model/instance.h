// One server that we run, as the controller knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/ids.h"

namespace utakata {

//   launch     ready             drain         empty twice, or deadline        provider: dead
//  ------> starting -----> serving -------> draining ------> stopping --------------------> gone
//              |            |   ^             |   ^  (a stop intent is final)                ^
//              |            |   +-- resume ---+   |                                          |
//              +------------+---------------------+------------------------------------------+
// Suspicion is not a lifecycle: a serving or draining instance may be suspect, and recover
// (heal.h).
enum class Lifecycle : std::uint8_t { starting, serving, draining, stopping, gone };
const char* to_text(Lifecycle lifecycle);

struct Count {
  int connections = 0;
  Instant at{};  // when the answer came
  bool operator==(const Count&) const = default;
};

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};

// Why an instance drains decides whether it may come back: only those of a scale-in are resumed.
enum class DrainCause : std::uint8_t { scale_in, rollout, by_hand, healing, shutdown };
const char* to_text(DrainCause cause);

// Of the cluster's `verify`, while it starts. Without one it is never due.
enum class Verification : std::uint8_t { not_ready, due, passed, failed };

struct Instance {
  // What is recorded.
  InstanceId id;
  std::string version;
  Lifecycle lifecycle = Lifecycle::starting;
  std::string handle;  // how the provider finds it again after our restart: "pid 812 started
                       // 93112"; empty: not yet told
  Address address;
  std::string host, zone;  // where it runs, as the provider calls them; empty: not told
  std::string url;         // with ${ticket} still in it where the file has it
  std::string token_hash;
  std::optional<DrainCause> drain_cause;
  std::optional<Duration> drain_left;  // of draining, at `since`; none: no deadline
  bool closes_begun = false;           // it was told to close clients: it may not be resumed

  // What this life of the controller has seen.
  Instant since{};  // when `lifecycle` was entered
  // First; a resume leaves it. Of one that served before this life: since it first answered in it.
  std::optional<Instant> served_since;
  Instant launched_at{};
  Verification verification = Verification::not_ready;
  std::string verify_problem;  // of a failed one
  std::optional<Count> count;  // last known; unknown is not zero
  std::optional<std::int64_t> accepted;
  std::vector<double> metrics;  // parallel to ClusterSpec::metrics; NaN where not told
  int misses = 0;               // in a row; of one that starts: since it was ready
  bool suspect = false;
  std::optional<Instant> suspected_at;  // when it was last under suspicion; kept after it recovered
  Instant last_answer{};                // or when we began to look
  bool substituted = false;             // a substitute was launched for it
  int zeros = 0;                  // fresh zero counts in a row, since it is surely out of placement
  int seats_held = 0, keys = 0;   // as placement last told
  bool out_of_placement = false;  // placement has confirmed that it hands it to no one
};

}  // namespace utakata
