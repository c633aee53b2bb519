// On which host the next instance is launched, where the provider has several. Pure.
//
// Of the hosts that are up, open and not passed over (ladder.h): in the zone with the fewest of
// the cluster that start or serve; there in the place of one that has just died, else where the
// zone has fewest of the present version, else on the host with the fewest of any lifecycle; else
// the first as the provider lists them. `spread: hosts` says host where this says zone. Nothing is
// moved: a host that is back fills up with what is launched from then on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/model/fleet.h"
#include "fleet/plan/ladder.h"

namespace utakata {

struct Place {
  std::string host, zone;  // both empty: wherever the provider likes
  std::string because;     // "zone b: 2 of 6 there, on worker-2"; empty: nothing was chosen
};

// Of one plan: what it has given out counts. `fleet` and `ladder` outlive it.
class Spreading {
 public:
  Spreading(const Fleet& fleet, const Ladder& ladder, Instant now);
  std::optional<Place> next();  // none: no host takes instances
  std::string why_none() const;

 private:
  struct Candidate {
    const Host* host;
    std::size_t zone;         // its place in `zones_`
    int there = 0, mine = 0;  // any; of those that start or serve
    int mine_new = 0;         // of these, of the present version
    std::vector<InstanceId> kept;
    std::string passed_over;
  };
  struct Zone {
    std::string name;
    int mine = 0, mine_new = 0;
  };
  std::size_t zone_of(const std::string& name);
  void count(const Instance& instance);
  Candidate* best(bool passes_over);
  std::string because(const Candidate& chosen, const Candidate& otherwise) const;

  const Fleet& fleet_;
  const Ladder& ladder_;
  const bool by_host_;
  std::vector<Zone> zones_;
  std::vector<Candidate> candidates_;  // in the provider's order
  int total_ = 0;                      // that start or serve
};

// What is crowded, of promise 2: by the cluster's `spread` its zone, its host, or nothing.
std::string_view crowd_of(const Instance& instance, SpreadOver spread);

}  // namespace utakata
