// The controller's side of every comparison: what it has decided of its instances, by its recorded
// steps alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "fleet/store/store.h"

namespace utakata {

struct Decided {
  std::string version;
  Lifecycle lifecycle = Lifecycle::starting, was = Lifecycle::starting;  // the latter: before that
  Instant since{};                                                       // of `lifecycle`
  Instant serving_since{}, drained_at{};
  std::optional<DrainCause> drain_cause;
  std::optional<Duration> deadline;  // of its drain
  bool is_suspect = false;           // by the present life of the controller
  std::string host{}, zone{};        // as its launch was meant
};
using Decisions = std::map<InstanceId, Decided>;  // of one cluster, without gone ones

class Recorded {
 public:
  void take(const Batch& batch, Instant now);
  void begin_life();                            // of the controller
  void begin_life(const std::string& cluster);  // of who acts for it
  const Decisions& of(const std::string& cluster) { return clusters_[cluster]; }

 private:
  std::map<std::string, Decisions> clusters_;
};

int count_of(const Decisions& decisions, Lifecycle lifecycle);
int size_of(const Decisions& decisions);  // those that start or serve

}  // namespace utakata
