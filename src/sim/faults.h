// What goes wrong on a made-up day, drawn from a seed beforehand.
#pragma once

#include <optional>
#include <vector>

#include "base/instant.h"
#include "base/random.h"
#include "fleet/model/instance.h"

namespace utakata {

enum class FaultKind : std::uint8_t {
  kill,               // an instance, as by kill -9
  freeze,             // an instance, for a while
  lose_host,          // a third of all instances at once
  bad_boots,          // nothing that is launched becomes ready, for a while
  refusals,           // nothing can be launched, for a while
  slow_boots,         // ten times as long, for a while
  broken_probe,       // nobody answers the controller, while clients notice nothing
  slow_probe,         // counts come as late as they may, and are as old, for a while
  lying_probe,        // counts are anything, for a while
  repeated_news,      // what the provider says it says again a while later, for a while
  twin_launches,      // the provider launches two for one id, for a while
  lose_zone,          // a half of all instances is out of everybody's reach, for a while
  crash_controller,   // at one of its next steps, whichever
  freeze_controller,  // for a while
  full_store,         // nothing can be recorded, for a while
  step_clock,         // the wall clock, by a day or less
  // Of those over an etcd, where several controllers run:
  lose_lease,       // a controller's, while it lives
  freeze_owner,     // in the midst of what it does, for longer than its lease or not
  cut_etcd,         // a controller from etcd
  cut_controllers,  // a controller from the others
  split_brain,      // from both, while clients reach it
  etcd_away         // for all
};
inline constexpr int kFaultKindsAlone = 16, kFaultKinds = 22;
const char* to_text(FaultKind kind);

struct Fault {
  Duration at{};  // since the beginning
  FaultKind kind = FaultKind::kill;
  Duration lasts{};
  std::uint64_t draw = 0;  // chooses the victim
  // It strikes as soon as an instance is so (the victim, where it has one), after a minute
  // whatever they are. None: at `at`.
  std::optional<Lifecycle> when{};
  bool operator==(const Fault&) const = default;
};

// In order of time; none in the first and the last twentieth of the day.
// Of the first so many kinds.
std::vector<Fault> draw_faults(Random& random, double per_hour, Duration length,
                               int kinds = kFaultKindsAlone);

}  // namespace utakata
