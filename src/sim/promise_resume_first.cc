// 3 Resume first: what drains for scale-in, healthy and of the current version, comes back before
// anything is launched; nothing else comes back by itself.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class ResumeFirst final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    const SimWorld& world = step.world;
    if (!world.fleet) return;
    bool launches = false;
    for (const Activity& one : step.activities) {
      launches |= is_intent(one, "launch");
      if (is_intent(one, "resume") && one.by == "utakata") judge_resumed(one, world);
    }
    if (!launches) return;
    for (const auto& [id, decided] : world.decided)
      if (could_come_back(id, decided, world))
        broken(fmt::format("something is launched, and {} could come back", id.text));
  }

 private:
  static bool could_come_back(const InstanceId& id, const Decided& one, const SimWorld& world) {
    const Guest* const guest = world.hosts.find(id);
    return guest && one.lifecycle == Lifecycle::draining &&
           one.drain_cause == DrainCause::scale_in && one.version == world.fleet->spec.version &&
           !one.is_suspect && guest->told.misses == 0 && guest->told.count;
  }
  void judge_resumed(const Activity& one, const SimWorld& world) const {
    tested();
    const auto resumed = world.decided.find({one.instance});
    if (resumed == world.decided.end()) return;
    const Decided& decided = resumed->second;
    if (decided.was != Lifecycle::draining || decided.drain_cause != DrainCause::scale_in ||
        decided.version != world.fleet->spec.version)
      broken(fmt::format("{} came back, which did not drain for scale-in", one.instance));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_resume_first(Promise::Witness witness) {
  return std::make_unique<ResumeFirst>(std::move(witness));
}

}  // namespace utakata
