// What really happened, out of recorded observations (model/observation_blob.h): who was there,
// who was cut, what stood idle. The other half of a comparison with a simulated day. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/model/host.h"
#include "fleet/model/stack.h"
#include "sim/load.h"

namespace utakata {

// An instance that is not there any more, or has begun anew in its place.
struct RecordedEnd {
  // replaced: another one came within a minute after it, or 10 s before. restarted: the same
  // address counts from zero.
  enum class How : std::uint8_t { scale_in, replaced, restarted };
  WallTime at{};
  std::string instance;
  How how = How::scale_in;
  int cut = 0;  // clients on it when it was last counted
};
const char* to_text(RecordedEnd::How how);

struct RecordedMinute {
  Duration at{};                          // since the beginning, a whole minute
  Duration seen{};                        // of it; the rest nobody watched
  int there = 0;                          // instances at most, of any lifecycle
  int needed = 0;                         // by the rules' own measure, at most
  double needed_seconds = 0;              // the same summed up over what was seen
  std::int64_t clients = 0, waiting = 0;  // at most
  int cut = 0;
  bool is_hot = false;  // one above 90 % of its capacity, another under 75 %
};

struct RecordedCluster {
  std::string name;
  WallTime began{};
  Duration length{}, unseen{};  // unseen: of the length, pauses of more than 30 s
  std::vector<Host> hosts;      // as last told; empty: one, without a name
  LoadCurve people;             // connections and waiting; who was just cut is still counted
  std::vector<RecordedMinute> minutes;
  std::vector<RecordedEnd> ends;
  double instance_hours = 0, idle_hours = 0;
  int there_most = 0, hot_minutes = 0;
  std::int64_t waiting_most = 0, cut = 0;
  int boots = 0;
  std::optional<Duration> boot;     // median from being there to serving; none: none was seen
  std::optional<Duration> session;  // mean, where `accepted` is told and enough have left
};

// So many serve these people by the cluster's own target or headroom, from min to max.
int needed_for(const ClusterSpec& spec, double people);

class Recording {
 public:
  explicit Recording(const Stack& stack);  // outlives us
  ~Recording();
  // In the order of the record. A blob that is cut short, damaged or another cluster's is passed
  // over and counted. What the stack does not name is passed over in silence.
  void add(std::string_view cluster, WallTime at, std::string_view blob);
  std::int64_t damaged() const { return damaged_; }
  // In the stack's order, those of which something was recorded.
  std::vector<RecordedCluster> finish();

 private:
  class Watcher;
  const Stack& stack_;
  std::map<std::string, std::unique_ptr<Watcher>, std::less<>> watchers_;
  std::int64_t damaged_ = 0;
};

}  // namespace utakata
