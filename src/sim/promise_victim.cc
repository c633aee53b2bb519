// 2 Victim: sick, of an old version, in the crowded zone, then the fewest, then the youngest; never
// one without a fresh count. It leaves placement in the same step.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "sim/crowds.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Victim final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    const SimWorld& world = step.world;
    Crowds crowds = crowds_before(step);
    for (const Activity& one : step.activities) {
      const auto chosen =
          is_intent(one, "drain") ? world.decided.find({one.instance}) : world.decided.end();
      if (chosen == world.decided.end() || !is_scaling(chosen->second)) continue;
      if (!has_fresh_count(world, chosen->first))
        broken(fmt::format("{} drains without a fresh count", one.instance));
      else
        compare(*chosen, crowds, world);
      --crowds[crowd_of(*chosen, world)];
    }
  }
  // A millisecond to tell placement, and as long again for the world to have asked before.
  void answers(const Asking& asking, const PlaceAnswer&, const Guest* guest,
               const SimWorld& world) override {
    if (!guest || asking.room || guest->decided != Lifecycle::draining) return;
    const Duration since = world.now - world.decided.at(guest->id).drained_at;
    if (since > 10ms)
      broken(fmt::format("{} drains since {} and is still handed out", guest->id.text,
                         to_text(since)));
  }

 private:
  static bool is_scaling(const Decided& one) {
    return one.drain_cause == DrainCause::scale_in || one.drain_cause == DrainCause::rollout;
  }
  static bool has_fresh_count(const SimWorld& world, const InstanceId& id) {
    const Guest* const guest = world.hosts.find(id);
    return guest && guest->told.count && world.now - guest->told.count->at <= 2 * world.spec.every;
  }
  using Rank = std::tuple<bool, bool, int, int, std::int64_t>;
  static Rank rank(const Decisions::value_type& one, const std::string& version,
                   const Crowds& crowds, const SimWorld& world) {
    const Guest& guest = *world.hosts.find(one.first);
    int there = guest.told.count->connections;
    if (world.seats)
      for (const SeatReport::Line& line : world.seats->lines)
        if (line.id == one.first) there += line.seats_held + line.keys;
    const bool is_sick = guest.told.misses >= 2;
    // How old an instance is, no controller remembers of a life before its own.
    const Instant since = std::max(one.second.serving_since, world.controller_since);
    return {!is_sick, one.second.version == version, -crowds.at(crowd_of(one, world)), there,
            -since.time_since_epoch().count()};
  }
  void compare(const Decisions::value_type& chosen, const Crowds& crowds,
               const SimWorld& world) const {
    const std::string& version = world.fleet->spec.version;
    const bool is_rollout = chosen.second.drain_cause == DrainCause::rollout;
    for (const auto& other : world.decided) {
      if (other.second.lifecycle != Lifecycle::serving || !has_fresh_count(world, other.first))
        continue;
      if (is_rollout && other.second.version == version) continue;
      tested();
      if (rank(other, version, crowds, world) < rank(chosen, version, crowds, world))
        broken(fmt::format("{} drains, and {} should", chosen.first.text, other.first.text));
    }
  }
};

}  // namespace

std::unique_ptr<Promise> promise_victim(Promise::Witness witness) {
  return std::make_unique<Victim>(std::move(witness));
}

}  // namespace utakata
