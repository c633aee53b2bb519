// 15 Spread: a launch goes to a host that is up, in the zone with the fewest, and not where
// something is wrong while nothing is wrong elsewhere; the loss of a host is told once.
//
// What is wrong with a host is judged by the world alone, and with a margin: where it is neither
// surely well nor surely ill nothing is said.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "sim/crowds.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class SpreadPromise final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant) override {
    refused_.clear();
    told_.clear();  // the next life tells again of whom it has not seen gone
  }
  void asks_launch(const InstanceId& id, const LaunchSpec& spec, bool is_refused,
                   Instant now) override {
    const auto meant = meant_.find(id);
    if (meant != meant_.end() && meant->second != spec.host + "/" + spec.zone)
      broken(fmt::format("{} is asked for on {}/{}, meant for {}", id.text, spec.host, spec.zone,
                         meant->second));
    if (is_refused) refused_[spec.host] = now;
  }
  void ends(const SimEnd& end) override {
    if (end.guest.machine < 0) return;
    if (end.guest.is_lost_with_host)
      lost_.emplace(end.guest.machine, end.now);
    else
      died_[end.guest.machine] = end.now;
  }
  void records(const SimStep& step) override {
    const SimWorld& world = step.world;
    if (world.hosts.machines.empty() || world.spec.spread == SpreadOver::none) return;
    Crowds crowds = crowds_before(step);
    for (const Activity& one : step.activities) {
      if (one.kind == "host_lost" || one.kind == "zone_lost") take_loss(one, world);
      if (one.kind == "host_back") told_.clear();
      if (is_intent(one, "stop")) take_stop({one.instance}, world);
      const auto launched =
          is_intent(one, "launch") ? world.decided.find({one.instance}) : world.decided.end();
      if (launched == world.decided.end()) continue;
      meant_[launched->first] = launched->second.host + "/" + launched->second.zone;
      judge(*launched, crowds, world);
      ++crowds[crowd_of(*launched, world)];
    }
  }
  void second(const SimWorld& world) override {
    std::erase_if(lost_, [&](const auto& one) {
      return world.hosts.machines[std::size_t(one.first)].is_up ||
             world.spec.spread == SpreadOver::none;
    });
    for (auto& [machine, since] : lost_) {
      if (!world.is_running_for(5s) || !world.can_record) since = world.now;
      if (world.now - since <= 3s) continue;
      broken(fmt::format("{} is lost for {} and {} does not say so", name_of(machine, world),
                         to_text(world.now - since), world.spec.name));
      since = world.now;
    }
  }

 private:
  static const std::string& name_of(int machine, const SimWorld& world) {
    return world.hosts.machines[std::size_t(machine)].name;
  }
  void take_loss(const Activity& one, const SimWorld& world) {
    tested();
    const std::string whose = one.because.substr(0, one.because.find(" is lost"));
    if (!told_.insert(whose).second) broken(fmt::format("the loss of {} is told twice", whose));
    std::erase_if(lost_, [&](const auto& lost) {
      const Host& host = world.hosts.machines[std::size_t(lost.first)];
      return whose == "host " + host.name || whose == "zone " + host.zone;
    });
  }
  // One that never became ready is held against its host when it is given up, not when it has
  // ended.
  void take_stop(const InstanceId& id, const SimWorld& world) {
    const Guest* const guest = world.hosts.find(id);
    if (guest && guest->machine >= 0) died_[guest->machine] = world.now;
  }
  static int misses_on(int machine, const SimWorld& world) {
    int most = 0;
    for (const std::uint32_t index : world.hosts.there(world.spec.name)) {
      const Guest& guest = world.hosts[index];
      const bool can_be_sick =
          guest.decided == Lifecycle::serving || guest.decided == Lifecycle::draining;
      if (guest.machine == machine && can_be_sick) most = std::max(most, guest.told.misses);
    }
    return most;
  }
  bool was_refused(const Host& host, Duration within, const SimWorld& world) const {
    const auto known = refused_.find(host.name);
    return known != refused_.end() && world.now - known->second < within;
  }
  bool is_surely_well(int machine, const SimWorld& world) const {
    const Host& host = world.hosts.machines[std::size_t(machine)];
    const auto died = died_.find(machine);
    const bool is_quiet = died == died_.end() || world.now - died->second > 7min;
    return host.is_up && host.is_open && is_quiet && !was_refused(host, 70s, world) &&
           misses_on(machine, world) == 0;
  }
  void judge(const Decisions::value_type& launched, const Crowds& crowds,
             const SimWorld& world) const {
    const auto& machines = world.hosts.machines;
    const auto found = std::ranges::find_if(machines, [&](const Host& host) {
      return host.name == launched.second.host && host.zone == launched.second.zone;
    });
    if (found == machines.end() || !found->is_up || !found->is_open)
      return broken(fmt::format("{} is launched on {}, which is not there", launched.first.text,
                                launched.second.host));
    const auto size_of = [&](const Host& host) {
      const auto known =
          crowds.find(world.spec.spread == SpreadOver::hosts ? host.name : host.zone);
      return known == crowds.end() ? 0 : known->second;
    };
    // What it was answered it hears in its next turn.
    const bool has_heard = world.is_running_for(2s) && !was_refused(*found, 10ms, world);
    const bool is_ill = (has_heard && was_refused(*found, 50s, world)) ||
                        misses_on(int(found - machines.begin()), world) >= world.spec.heal.misses;
    for (int k = 0; k < int(machines.size()); ++k) {
      const Host& other = machines[std::size_t(k)];
      if (&other == &*found || !is_surely_well(k, world)) continue;
      tested();
      if (size_of(other) < size_of(*found))
        broken(fmt::format("{} is launched on {}, beside {}, and {} has room beside {}",
                           launched.first.text, found->name, size_of(*found), other.name,
                           size_of(other)));
      if (is_ill)
        broken(fmt::format("{} is launched on {}, where something is wrong, and nothing is on {}",
                           launched.first.text, found->name, other.name));
    }
  }

  std::map<std::string, Instant> refused_;   // by host
  std::map<InstanceId, std::string> meant_;  // where its launch is to be asked for
  std::map<int, Instant> died_, lost_;       // by machine; the latter: not yet told
  std::set<std::string> told_;
};

}  // namespace

std::unique_ptr<Promise> promise_spread(Promise::Witness witness) {
  return std::make_unique<SpreadPromise>(std::move(witness));
}

}  // namespace utakata
