// 11 Reasons: every step has one, the record says how many a stop cuts, and what keeps a cluster
// from its size.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Reasons final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant) override { said_.clear(); }
  void records(const SimStep& step) override {
    for (const Activity& one : step.activities) {
      if (one.kind == "held_back" || one.kind == "brake") said_ = one.because;
      if (one.phase != Activity::Phase::intent) continue;
      if (one.because.empty()) broken(fmt::format("{} of {} has none", one.kind, one.instance));
      if (one.kind == "launch") held_since_.reset();
      const Guest* const guest =
          one.kind == "stop" ? step.world.hosts.find({one.instance}) : nullptr;
      if (guest && guest->told.count && one.cut.value_or(0) != guest->told.count->connections)
        broken(fmt::format("the stop of {} says {} cut, {} were told", one.instance,
                           one.cut.value_or(0), guest->told.count->connections));
    }
  }
  void second(const SimWorld& world) override {
    const std::string held = world.plan ? letters(world.plan->held_back) : "";
    if (!world.can_record || !world.is_running_for(3s) || (held.empty() && !is_short(world)))
      return held_since_.reset();
    if (!held_since_) held_since_ = world.now;
    if (world.now - *held_since_ < 3s) return;
    tested();
    if (held.empty() && !world.plan->braked)
      broken(fmt::format("{} has fewer than {}, and nothing holds it back", world.spec.name,
                         world.spec.instances_min));
    if (letters(said_) != held)
      broken(fmt::format("{} is held back by `{}`, the record says `{}`", world.spec.name, held,
                         said_));
    held_since_.reset();
  }

 private:
  static bool is_short(const SimWorld& world) {
    const Census& there = world.census;  // the record is asked if they are too few
    const int least = world.spec.instances_min;
    return there.decided_as(Lifecycle::starting) + there.decided_as(Lifecycle::serving) < least &&
           size_of(world.decided) < least;
  }
  // Numbers count down while it is the same that holds back.
  static std::string letters(const std::string& text) {
    return text.substr(0, text.find_first_of("0123456789"));
  }
  std::string said_;
  std::optional<Instant> held_since_;
};

}  // namespace

std::unique_ptr<Promise> promise_reasons(Promise::Witness witness) {
  return std::make_unique<Reasons>(std::move(witness));
}

}  // namespace utakata
