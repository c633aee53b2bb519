// What must not be lost: instances, intents, outcomes, what operators asked for; and the
// observations, for replay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "fleet/model/activity.h"
#include "fleet/model/fleet.h"
#include "fleet/model/instance.h"

namespace utakata {

struct InstanceRow {  // an instance as recorded; written whole, by id
  std::string cluster;
  Instance instance;
};

// One transaction: all of it or nothing.
struct Batch {
  std::vector<Activity> activities;    // their numbers are filled in
  std::vector<InstanceRow> instances;  // inserted or replaced; `gone` ones are kept as history
  struct ClusterRow {
    std::string cluster;
    Desired desired;
    int next_number = 1;
  };
  std::vector<ClusterRow> clusters;
  bool empty() const { return activities.empty() && instances.empty() && clusters.empty(); }
};

struct Saved {
  std::string fleet_id;  // made once for a store: tells our instances from another store's
  std::vector<InstanceRow> instances;  // all that are not gone
  std::vector<Batch::ClusterRow> clusters;
  std::vector<std::pair<std::string, std::string>>
      settings;  // small named texts: the admin token's hash, the stack file
};

struct ActivityQuery {
  std::string cluster;     // empty: all
  std::string instance;    // empty: all
  std::int64_t after = 0;  // numbers greater than it
  int limit = 100;         // the newest so many, answered oldest first
};

struct ObservationRow {
  std::int64_t number = 0;  // ever rising
  std::string cluster;
  WallTime at{};
  std::string blob;
};

// One thread calls it; every call may block on the disk, or on a network until a deadline. A store
// on this machine is held by one process at a time; one in etcd by any number of controllers.
class Store {
 public:
  virtual ~Store() = default;
  virtual Expected<Saved> load() = 0;
  // On return it is durable against a crash of this process and of the machine. On failure nothing
  // of it is kept, and the same call may succeed later (`unavailable`, retry: disk full, etcd
  // away). `conflict`, of a store that controllers share: a cluster of the batch is not ours now,
  // so nothing is to be done to it, and nothing is kept. Such a store may have kept what failed
  // with `timed_out` or `unavailable`: the answer was lost; what is recorded next comes after it.
  virtual Expected<void> record(Batch& batch) = 0;
  virtual Expected<void> set(std::string_view name, std::string_view text) = 0;
  virtual Expected<std::vector<Activity>> activities(const ActivityQuery& query) = 0;
  // One blob of a cluster-tick (model/observation_blob.h). The oldest are dropped beyond the cap.
  // May be lost in a crash. A failure costs some of the blobs and nothing else: say it once and go
  // on.
  virtual Expected<void> observe(std::string_view cluster, WallTime at, std::string_view blob) = 0;
  // For replay: the oldest so many of the cluster (empty: all) with numbers greater than `after`,
  // oldest first.
  virtual Expected<std::vector<ObservationRow>> observations(std::string_view cluster,
                                                             std::int64_t after, int limit) = 0;
};

}  // namespace utakata
