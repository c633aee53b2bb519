// A controller in a made-up world: its lives one after another, over one store and one world, alone
// or as one of several (company.h). Private to run.cc.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/control/control.h"
#include "fleet/owner/owning.h"
#include "fleet/plan/place.h"
#include "fleet/store/memory.h"
#include "sim/desk.h"
#include "sim/hosts.h"

namespace utakata {

class Lives;
struct Crash {  // the controller ends here; thrown
  Lives* whose = nullptr;
};

struct Record {  // what all of them recorded, and when by the world's clock
  MemoryStore rows;
  std::vector<Duration> recorded_at;  // of each activity
  std::vector<Activity> activities(WallTime began) const;
};

// Of a machine: its monotonic clock began at another moment, its wall clock may be wrong.
class OwnClock final : public Clock {
 public:
  OwnClock(const Timeline& timeline, Duration ahead) : timeline_(timeline), ahead_(ahead) {}
  Instant now() const override { return timeline_.now() + ahead_; }
  WallTime wall() const override { return timeline_.wall() + wall_ahead; }
  std::chrono::milliseconds wall_ahead{};

 private:
  const Timeline& timeline_;
  const Duration ahead_;
};

class Lives {
 public:
  Lives(Timeline& timeline, Hosts& hosts, Record& record, Stack stack, std::uint64_t seed);
  ~Lives();
  struct Part {  // of one among several
    Company& company;
    std::string name;
    Duration ahead{};  // its monotonic clock, of the world's
    Duration give_back_after{30s};
  };
  void join(Part part);  // before begin()
  std::size_t number() const { return number_; }
  const std::string& name() const { return name_; }

  void begin();                 // a life; what an earlier one recorded goes on
  void crash();                 // at once
  void crash_after(int steps);  // of recording or ordering: throws Crash out of the timeline
  void freeze(Duration time);   // it does nothing for so long, and then everything late
  // In the midst of what it does, after so many steps of recording or ordering.
  void freeze_after(int steps, Duration time);
  bool is_up() const { return control_ && timeline_.now() >= frozen_until_; }
  Instant since() const { return since_; }

  Control* control() { return control_.get(); }
  OwnClock& clock() { return *clock_; }
  const Owners* owners() const { return owning_.get(); }
  // Its own, as etcd knows it; another one after each beginning.
  std::string life() const;
  Desk* desk() { return desk_.get(); }  // none: nobody answers there
  // Work that comes from elsewhere, done when it is awake, and never where it ends before.
  void arrives(std::function<void()> work);
  void etcd_is_back();
  // A step has just been recorded, and nothing of it is done yet.
  std::function<void(const Batch&)> on_record = [](const Batch&) {};
  // It is about to ask for the start or the end of an instance; of the former, how it went.
  std::function<void(const InstanceId&)> on_stop = [](const InstanceId&) {};
  std::function<void(const InstanceId&, const LaunchSpec&, bool)> on_launch =
      [](const InstanceId&, const LaunchSpec&, bool) {};
  // Of several: from now on it observes and acts for the cluster. Whether it does, in truth.
  std::function<void(const std::string&)> on_acts = [](const std::string&) {};
  std::function<bool(const std::string&)> acts_for = [](const std::string&) { return true; };
  double unfit = 0;  // share of the instances that fail their `verify`
  void forget_seats(const std::string& cluster) { seats_.erase(cluster); }
  // What placement last told the controller of a cluster; none yet: nothing.
  const SeatReport* seats(const std::string& cluster) const;
  // An instance is told to drain, or to send clients elsewhere. Its token is its id.
  std::function<void(const Teller::Message&)> on_tell = [](const Teller::Message&) {};
  // None while there is nobody to ask.
  const PlacementLedger* ledger(const std::string& cluster) const;
  PlacementLedger* own_ledger(const std::string& cluster);  // of one that is alone

 private:
  class CrashingStore;
  class CrashingProvider;
  class HeldProbe;
  class WorldTeller;
  class WorldVerifier;
  Expected<void> record_late(const Batch& batch);
  void step();  // of what may be cut short by a crash
  void hold(std::function<void()> work);
  ControlParts parts();
  void begin_in_company();
  void beat();
  void hear(SeatReport report);
  void publish(const std::shared_ptr<const PlacementView>& view);

  Timeline& timeline_;
  Hosts& hosts_;
  const Stack stack_;
  const std::uint64_t seed_;
  Record& record_;
  std::unique_ptr<OwnClock> clock_;
  std::optional<Part> part_;  // none: alone
  std::string name_;
  std::size_t number_ = 0;
  std::unique_ptr<EtcdLine> line_;
  std::unique_ptr<Owning> owning_;
  std::unique_ptr<Store> shared_store_;
  EtcdRecord* shared_record_ = nullptr;  // the same
  std::unique_ptr<Desk> desk_;
  Ledgers past_;  // as the journal of the last life has them
  std::unique_ptr<Store> crashing_store_;
  EngineProvider* engine_ = nullptr;
  std::unique_ptr<Provider> provider_;
  std::unique_ptr<Provider> crashing_provider_;
  std::unique_ptr<Teller> teller_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<Control> control_;
  std::map<std::string, std::unique_ptr<PlacementLedger>> ledgers_;
  std::map<std::string, SeatReport> seats_;
  Instant since_{}, frozen_until_{};
  int life_ = 0, steps_left_ = 0, beats_ = 0;
  std::optional<Duration> freeze_then_;  // what comes after those steps; none: a crash
};

}  // namespace utakata
