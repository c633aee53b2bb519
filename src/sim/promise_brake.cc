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
    for (const Activity& one : step.activities) {
      if (one.kind == "brake") is_said_ = true;
      if (one.kind == "brake_off") is_said_ = false;
      stopped += is_intent(one, "stop") && was_able(step.world.decided.at({one.instance}));
    }
    if (stopped == 0 || !is_due(step.world, stopped)) return;
    for (const Activity& one : step.activities)
      if (is_intent(one, "stop") &&
          is_condemned(step.world.decided.at({one.instance}), {one.instance}, step.world))
        broken(fmt::format("{} is condemned while too many are suspected", one.instance));
  }
  void second(const SimWorld& world) override {
    if (!world.fleet || !world.can_record || !is_due(world, 0)) return since_.reset();
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
  static bool was_able(const Decided& one) {
    return one.was == Lifecycle::serving || one.was == Lifecycle::draining;
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
    int able = stopped, suspected = 0;
    for (const auto& [id, one] : world.decided) {
      const bool is_able =
          one.lifecycle == Lifecycle::serving || one.lifecycle == Lifecycle::draining;
      able += is_able;
      const Guest* const guest = world.hosts.find(id);
      const bool is_stopping_now =
          one.lifecycle == Lifecycle::stopping && one.since == world.now && was_able(one);
      suspected += guest && (is_able || is_stopping_now) && guest->told.suspect_at &&
                   world.now - *guest->told.suspect_at < 59s;
    }
    return suspected > std::max(2.0, world.spec.heal.brake * able);
  }
  std::optional<Instant> since_;
  bool is_said_ = false;
};

}  // namespace

std::unique_ptr<Promise> promise_brake(Promise::Witness witness) {
  return std::make_unique<Brake>(std::move(witness));
}

}  // namespace utakata
