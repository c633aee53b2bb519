// 7 Brake: where more than the larger of 2 and 30 % were suspected within a minute nobody is
// condemned, placement goes by the last good view, and the record says it.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Brake final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant) override { since_.reset(), is_said_ = false; }
  void records(const SimStep& step) override {
    int stopped = 0;
    bool launches = false;
    for (const Activity& one : step.activities) {
      if (one.kind == "brake") is_said_ = true;
      if (one.kind == "brake_off") is_said_ = false;
      launches |= is_intent(one, "launch");
      stopped += is_intent(one, "stop") && is_able(step.world.decided.at({one.instance}).was);
    }
    if ((stopped == 0 && !launches) || !is_due(step.world, stopped)) return;
    if (launches) judge_size(step.world);
    for (const Activity& one : step.activities)
      if (is_intent(one, "stop") &&
          is_condemned(step.world.decided.at({one.instance}), {one.instance}, step.world))
        broken(fmt::format("{} is condemned while too many are suspected", one.instance));
  }
  void second(const SimWorld& world) override {
    if (!world.fleet || !world.can_record || world.census.suspected == 0 || !is_due(world, 0))
      return since_.reset();
    if (!since_) since_ = world.now;
    if (world.now - *since_ < 3s) return;
    if (world.now - *since_ == 3s) tested();
    if (!is_said_)
      broken(fmt::format("too many of {} are suspected, and the brake is not on", world.spec.name));
    for (const auto& [id, one] : world.decided) {
      const PlaceSlot* const slot = world.ledger ? world.ledger->find_instance(id.text) : nullptr;
      if (slot && one.lifecycle == Lifecycle::serving && !slot->open && world.now - one.since > 3s)
        broken(fmt::format("{} is out of placement under the brake", id.text));
    }
  }

 private:
  // With those that are silent: all that are more than wanted are substitutes.
  void judge_size(const SimWorld& world) const {
    if (!world.plan || !is_said_) return;
    const int size = size_of(world.decided);
    const bool is_rollout = std::ranges::any_of(world.decided, [&](const auto& one) {
      return one.second.version != world.fleet->spec.version;
    });
    const int surge = instances_total_max(world.spec) - world.spec.instances_max;
    const int most = world.plan->want.instances + surge * (is_rollout ? 2 : 1);
    if (size > most)
      broken(
          fmt::format("{} of {} start or serve with what is launched under the brake, {} at most",
                      size, world.spec.name, most));
  }
  static bool is_able(Lifecycle lifecycle) {
    return lifecycle == Lifecycle::serving || lifecycle == Lifecycle::draining;
  }
  static bool is_condemned(const Decided& one, const InstanceId& id, const SimWorld& world) {
    const Guest* const guest = world.hosts.find(id);
    if (!guest || guest->was_lied_about || one.drain_cause == DrainCause::shutdown) return false;
    return one.was == Lifecycle::serving ||
           (one.was == Lifecycle::draining && guest->connections > 0 &&
            !is_past_deadline(one, world.now));
  }
  // `stopped`: of them in the present step.
  static bool is_due(const SimWorld& world, int stopped) {
    int suspected = 0;
    for (const std::uint32_t index : world.hosts.there(world.spec.name)) {
      const Guest& guest = world.hosts[index];
      if (!guest.told.suspect_at || world.now - *guest.told.suspect_at >= 59s) continue;
      const auto known = world.decided.find(guest.id);
      if (known == world.decided.end()) continue;
      const Decided& one = known->second;
      suspected += is_able(one.lifecycle) || (one.lifecycle == Lifecycle::stopping &&
                                              one.since == world.now && is_able(one.was));
    }
    if (suspected <= 2) return false;
    const auto able = std::ranges::count_if(
        world.decided, [](const auto& one) { return is_able(one.second.lifecycle); });
    return suspected > world.spec.heal.brake * double(stopped + able);
  }
  std::optional<Instant> since_;
  bool is_said_ = false;
};

}  // namespace

std::unique_ptr<Promise> promise_brake(Promise::Witness witness) {
  return std::make_unique<Brake>(std::move(witness));
}

}  // namespace utakata
