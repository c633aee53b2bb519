// What the placing side is told of a cluster, and what it tells back. Values that cross between the
// two threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/ids.h"
#include "fleet/model/instance.h"
#include "fleet/model/stack.h"

namespace utakata {

struct Placeable {  // one instance as placement sees it
  // What hardly ever changes, made once and shared by view after view: the same object says that
  // nothing has changed, without a look into it.
  struct Identity {
    InstanceId id;
    std::string url;         // may hold ${ticket}
    std::string token_hash;  // lets the instance itself confirm tickets
    Address address{};       // its own, whatever the url says
  };
  std::shared_ptr<const Identity> identity;  // never none
  bool open = false;                         // new clients may be sent to it
  bool honours_keys = false;                 // draining: no new key, but those bound to it stay
  int connections = 0;                       // last fresh count
  bool count_known = false;                  // an unknown count places nobody
  std::optional<std::int64_t> accepted;      // clients ever accepted: confirms arrivals
  Instant counted_at{};
  Instant serving_since{};  // a fresh instance's load ramps up
  double weight = 0;        // of PlacePolicy::weighted: its probed metric
};

inline std::shared_ptr<const Placeable::Identity> placeable_identity(std::string id,
                                                                     std::string url = {},
                                                                     std::string token_hash = {},
                                                                     Address address = {}) {
  return std::make_shared<Placeable::Identity>(Placeable::Identity{
      {std::move(id)}, std::move(url), std::move(token_hash), std::move(address)});
}

// Replaces the former view of the cluster whole. `version` rises by one each time.
struct PlacementView {
  std::string cluster;
  std::uint64_t version = 0;
  int capacity = 0;
  double accept_per_second = 0;
  PlacePolicy policy = PlacePolicy::least;
  int seats_per_key = 1;
  Duration hold{};
  std::vector<Placeable> instances;
};

struct SeatReport {
  struct Line {
    InstanceId id;
    int seats_held = 0;
    int keys = 0;
    bool operator==(const Line&) const = default;
  };
  std::string cluster;
  std::uint64_t version = 0;              // of the view in force when it was written
  int waiting = 0;                        // clients in line
  std::int64_t granted = 0, refused = 0;  // since start
  std::vector<Line> lines;                // instances with a hold or a key only
};

}  // namespace utakata
