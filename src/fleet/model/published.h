// What placement knows of a cluster's instances, for those who choose by themselves: a Redis that
// clients' servers read, a load balancer. Crosses from the placing side to the control loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fleet/model/placement.h"

namespace utakata {

struct PublishedCluster {
  struct Line {
    std::shared_ptr<const Placeable::Identity> identity;  // never none
    bool open = false;  // new clients may be sent to it, if it has room: `free`
    int free = 0;       // seats neither taken nor held; 0 where that is not known
    bool is_free_known = false;
    // By which placement compares: connections + seats held + the ramp of a fresh one, with
    // `place: weighted` divided by the weight.
    double load = 0;
  };
  // Where several controllers run the stack each tells of all clusters.
  enum class Whose : std::uint8_t {
    ours,
    nobodys,  // at the moment, or it is not known: what stands of it stays as it is
    others    // and they tell of it
  };
  std::string cluster;
  Whose whose = Whose::ours;
  int capacity = 0;  // of one instance
  std::vector<Line> lines;
};

}  // namespace utakata
