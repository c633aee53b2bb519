// The controller in a made-up world: its lives one after another, over one store and one world.
// Private to run.cc.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fleet/control/control.h"
#include "fleet/plan/place.h"
#include "fleet/store/memory.h"
#include "sim/hosts.h"

namespace utakata {

struct Crash {};  // the controller ends here; thrown

class Lives {
 public:
  Lives(Timeline& timeline, Hosts& hosts, Stack stack, std::uint64_t seed);
  ~Lives();

  void begin();                 // a life; what an earlier one recorded goes on
  void crash();                 // at once
  void crash_after(int steps);  // of recording or ordering: throws Crash out of the timeline
  void freeze(Duration time);   // it does nothing for so long, and then everything late
  bool is_up() const { return control_ && timeline_.now() >= frozen_until_; }
  Instant since() const { return since_; }

  Control* control() { return control_.get(); }
  MemoryStore& store() { return store_; }
  // All that was recorded; `at` is the virtual time, as if nobody had stepped the wall clock.
  std::vector<Activity> activities(WallTime began) const;
  // A step has just been recorded, and nothing of it is done yet.
  std::function<void(const Batch&)> on_record = [](const Batch&) {};
  // It is about to ask for the start or the end of an instance; of the former, how it went.
  std::function<void(const InstanceId&)> on_stop = [](const InstanceId&) {};
  std::function<void(const InstanceId&, const LaunchSpec&, bool)> on_launch =
      [](const InstanceId&, const LaunchSpec&, bool) {};
  double unfit = 0;  // share of the instances that fail their `verify`
  // What placement last told the controller of a cluster; none yet: nothing.
  const SeatReport* seats(const std::string& cluster) const;
  // An instance is told to drain, or to send clients elsewhere. Its token is its id.
  std::function<void(const Teller::Message&)> on_tell = [](const Teller::Message&) {};
  // None while there is nobody to ask.
  PlacementLedger* ledger(const std::string& cluster);

 private:
  class CrashingStore;
  class CrashingProvider;
  class HeldProbe;
  class WorldTeller;
  class WorldVerifier;
  void step();  // of what may be cut short by a crash
  void hold(std::function<void()> work);
  ControlParts parts();
  void publish(const std::shared_ptr<const PlacementView>& view);

  Timeline& timeline_;
  Hosts& hosts_;
  const Stack stack_;
  const std::uint64_t seed_;
  MemoryStore store_;
  std::vector<Duration> recorded_at_;  // of each activity
  std::unique_ptr<Store> crashing_store_;
  std::unique_ptr<HostsProvider> provider_;
  std::unique_ptr<Provider> crashing_provider_;
  std::unique_ptr<Teller> teller_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<Control> control_;
  std::map<std::string, std::unique_ptr<PlacementLedger>> ledgers_;
  std::map<std::string, SeatReport> seats_;
  Instant since_{}, frozen_until_{};
  int life_ = 0, steps_left_ = 0;
};

}  // namespace utakata
