// The made-up world's instances: they boot, serve, freeze and die by themselves, whoever controls
// them. They are the truth that a controller's record is compared with.
//
// Hosts outlives controllers; each life of one has a HostsProvider of its own, and those never
// released end with it. Deterministic, one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "fleet/probe/probe.h"
#include "fleet/provider/provider.h"
#include "sim/timeline.h"

namespace utakata {

// Why those who were on an instance when it ended were cut.
enum class CutCause : std::uint8_t { fault, healing, deadline, scaling, by_hand };

struct Guest {
  // What the present life of the controller was told of it by probes, the world's own log of it.
  struct Told {
    std::optional<Count> count;
    int misses = 0;                     // in a row
    std::optional<Instant> suspect_at;  // when it was last known to have missed two
    int zeros = 0;                      // in a row, with nobody on the way to it
  };
  enum class Phase : std::uint8_t { asked, gated, booting, serving, stopping, gone };
  // Looked at each second of each of thousands: together.
  Phase phase = Phase::asked;
  bool is_frozen = false;
  Lifecycle decided = Lifecycle::starting;  // by the record
  int connections = 0;
  int on_the_way = 0;                       // who has a place on it and has not dialled yet
  std::uint32_t first_person = 0xffffffff;  // on it: people.h
  std::int64_t accepted = 0;
  Instant last_answer{};  // to a probe
  Told told{};

  InstanceId id;
  std::string cluster;
  std::string handle;
  Address address;
  std::uint32_t index = 0;   // Hosts::operator[]
  bool boots_badly = false;  // it ends when it should be ready
  bool is_owned = false;     // by the present provider
  int machine = -1;          // of Hosts::machines; -1: the only one
  bool is_lost_with_host = false;
  CutCause cut_cause = CutCause::fault;
  int starts = 0;  // how often its command was let go
  bool was_lied_about = false;
  int uninvited = 0;       // who came back by an old address, and is on it
  Instant uninvited_at{};  // when one last did
  // Where arrivals are only counted, that of one uninvited ends the hold of somebody who is on the
  // way, whose own then ends another's: until nobody was on the way for some counts.
  bool is_one_owed = false;
  int counts_alone = 0;
  // When the present life of the controller began somebody was on the way to it.
  bool was_awaited = false;
  Instant gated_at{};
  std::optional<Instant> serving_since{};

  // What placement knows of it is true: nobody came by an old address lately, no count was wrong.
  bool is_known_well(const ClusterSpec& spec, Instant now) const {
    return !was_lied_about && uninvited == 0 && now - uninvited_at > spec.hold + Duration{5s} &&
           (!is_one_owed || spec.count.accepted.empty());
  }
  bool is_there() const { return phase != Phase::asked && phase != Phase::gone; }
  bool answers() const { return phase == Phase::serving && !is_frozen; }
};

class HostsProvider;

class Hosts {
 public:
  struct Habits {
    Duration boot{3s};             // median, of a log-normal with sigma 0.25
    Duration launch{20ms};         // to the news of it
    Duration stop{100ms};          // from SIGTERM to the end
    double bad_boots = 0;          // share of launches that never become ready
    bool refuses = false;          // every launch, with `retry`
    int full_machine = -1;         // launches on that one fail, with `retry`
    bool is_probe_broken = false;  // nobody answers the controller; clients do not notice
    bool is_probe_slow = false;    // answers take nearly as long as they may
    bool is_probe_lying = false;   // about counts
    bool repeats_news = false;     // up to 5 s later, so that it is told out of order
    bool launches_twice = false;   // a twin for each, told before or up to 5 s after it
  };
  Hosts(Timeline& timeline, std::uint64_t seed) : timeline_(timeline), random_(seed) {}

  Habits habits;
  // Those that run guests, in their zones; none: one, without a name. Given before anything runs.
  std::vector<Host> machines;
  // With all that is on it or was asked for there. It is up again when whoever lost it says so.
  void lose(int machine);
  const std::string& host_of(const Guest& guest) const;
  const std::string& zone_of(const Guest& guest) const;
  // Told when a guest that served is gone, has frozen or goes on: who is on it notices in their own
  // time.
  std::function<void(Guest&)> on_gone = [](Guest&) {}, on_freeze = [](Guest&) {};
  // The controller asked for its stop: the moment of a cut, if it is one.
  std::function<void(Guest&)> on_stop = [](Guest&) {};

  Guest* find(const InstanceId& id);            // none: not there, or gone
  Guest* find_handle(std::string_view handle);  // the same, at once: it says where it lies
  int starts(const InstanceId& id) const;  // how often its command was let go, also of a gone one
  // Launched under the id of another that is there, at their gates. Not in there().
  const std::vector<std::uint32_t>& twins() const { return twins_; }
  Guest& operator[](std::uint32_t index) { return guests_[index]; }
  // Indices, in the order of launch; of all clusters, or of one.
  const std::vector<std::uint32_t>& there() const { return there_; }
  const std::vector<std::uint32_t>& there(const std::string& cluster) { return there_of_[cluster]; }
  void die(Guest& guest, const std::string& what);
  void freeze(Guest& guest, Duration time);
  // The controller has just been told what was seen of these. `late`: it knows itself that it
  // slept, so that no miss counts.
  void told(std::span<const std::uint32_t> asked, std::span<const Sight> sights, bool late);
  void forget_told();  // the controller ended, and what it was told with it
  static constexpr std::uint32_t kNone = 0xffffffff;

 private:
  friend class HostsProvider;
  friend class HostsProbe;
  int told_count(Guest& guest);
  Guest& make(const InstanceId& id, const std::string& cluster);
  void enlist(const Guest& guest);
  void delist(const Guest& guest);
  void be_the_one(Guest& twin);
  void enter(std::uint32_t index);
  void boot(std::uint32_t index);
  void tell(ProviderNews news);
  int machine_for(const LaunchSpec& spec) const;

  Timeline& timeline_;
  Random random_;
  std::deque<Guest> guests_;  // gone ones, too: their number is never used again
  std::unordered_map<InstanceId, std::uint32_t> index_;
  std::vector<std::uint32_t> there_, twins_;
  std::map<std::string, std::vector<std::uint32_t>> there_of_;
  HostsProvider* provider_ = nullptr;
  int next_port_ = 0;
};

class HostsProvider final : public Provider {
 public:
  explicit HostsProvider(Hosts& hosts);
  ~HostsProvider() override;
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override;
  void release(const InstanceId& id, const std::string& handle) override;
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override;
  Expected<void> stop(const InstanceId& id, Duration grace) override;
  std::vector<Host> hosts() const override { return hosts_.machines; }
  std::vector<ProviderNews> hear() override { return std::exchange(news_, {}); }
  void on_news(std::function<void()> wake) override { wake_ = std::move(wake); }

 private:
  friend class Hosts;
  Hosts& hosts_;
  std::vector<ProviderNews> news_;
  std::function<void()> wake_;
};

// What a Probe is, and whom it asked.
class HostsProbe {
 public:
  HostsProbe(Hosts& hosts, Timeline& timeline, const ClusterSpec& spec)
      : hosts_(hosts), timeline_(timeline), spec_(spec) {}
  // `asked`, parallel to the targets: indices, kNone for those that are not there.
  using Done = std::function<void(std::vector<std::uint32_t> asked, std::vector<Sight>)>;
  void look(std::span<const ProbeTarget> targets, Duration deadline, Done done);

 private:
  Hosts& hosts_;
  Timeline& timeline_;
  const ClusterSpec spec_;
};

}  // namespace utakata
