// 1 No cut: scaling and roll-outs stop an instance only when nobody is on it nor on the way to it,
// and two fresh counts of nobody say so. Only a drain's deadline, a long silence or `down` may cut.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class NoCut final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    for (const Activity& one : step.activities)
      if (const Guest* guest =
              is_intent(one, "stop") ? step.world.hosts.find({one.instance}) : nullptr)
        judge(*guest, step.world.decided.at(guest->id), step.world);
  }
  // Between the record and the order the controller may have ended; nobody may come meanwhile.
  void asks_stop(const InstanceId& id, const SimWorld& world) override {
    const Guest* const guest = world.hosts.find(id);
    const auto decided = world.decided.find(id);
    if (!guest || decided == world.decided.end() || guest->connections == 0) return;
    if (guest->phase != Guest::Phase::stopping &&
        is_empty_by_promise(*guest, decided->second, world))
      broken(fmt::format("{} was stopped with {} on it", id.text, guest->connections));
  }

 private:
  static bool is_empty_by_promise(const Guest& guest, const Decided& decided,
                                  const SimWorld& world) {
    if (decided.drain_cause == DrainCause::shutdown ||
        !guest.is_known_well(world.spec, world.now) ||
        is_past_patience(guest, world.spec, world.now))
      return false;
    return decided.was == Lifecycle::starting ||
           (decided.was == Lifecycle::draining && !is_past_deadline(decided, world.now));
  }
  void judge(const Guest& guest, const Decided& decided, const SimWorld& world) const {
    if (!is_empty_by_promise(guest, decided, world)) return;
    if (decided.was == Lifecycle::draining) tested();
    if (guest.connections == 0 && may_be_free_too_early(guest, world)) return;
    if (guest.connections + guest.on_the_way > 0)
      return broken(fmt::format("{} is to stop with {} on it and {} on the way", guest.id.text,
                                guest.connections, guest.on_the_way));
    // Who no longer runs cannot be counted, and nobody is cut.
    if (decided.was == Lifecycle::draining && guest.answers() && guest.told.zeros < 2)
      broken(fmt::format("{} is to stop after {} of nobody", guest.id.text,
                         plural(guest.told.zeros, "fresh count")));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_no_cut(Promise::Witness witness) {
  return std::make_unique<NoCut>(std::move(witness));
}

}  // namespace utakata
