// 6 Healing kills only on certainty: suspected at the second missed answer, replaced at the third,
// condemned when silent for longer than clients wait or surely empty; who answers is trusted again.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Certainty final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    for (const Activity& one : step.activities) {
      if (is_intent(one, "launch")) judge_substitute(one, step.world);
      const Guest* const guest = step.world.hosts.find({one.instance});
      if (!guest || one.phase != Activity::Phase::intent) continue;
      if (one.kind == "suspect" && guest->told.misses < step.world.spec.heal.misses - 1)
        broken(fmt::format("{} is suspected after {}", one.instance,
                           plural(guest->told.misses, "missed answer")));
      if (one.kind == "stop") judge_stop(*guest, step.world.decided.at(guest->id), step.world);
    }
  }
  void second(const SimWorld& world) override {
    if (world.census.suspected == 0 || !world.is_calm_for(5s)) return;
    for (const std::uint32_t index : world.hosts.there(world.spec.name)) {
      const Guest& guest = world.hosts[index];
      if (guest.told.misses > 0 || !guest.told.suspect_at ||
          world.now - *guest.told.suspect_at <= 5s)
        continue;
      const auto decided = world.decided.find(guest.id);
      if (decided != world.decided.end() && decided->second.is_suspect)
        broken(fmt::format("{} answers again and is not trusted", guest.id.text));
    }
  }
  void answers(const Asking&, const PlaceAnswer&, const Guest* guest,
               const SimWorld& world) override {
    if (!guest || guest->told.misses < 2 || !world.plan || world.plan->braked) return;
    const auto decided = world.decided.find(guest->id);
    if (decided != world.decided.end() && decided->second.is_suspect && guest->told.misses > 3)
      broken(fmt::format("{} is suspect, and is still handed out", guest->id.text));
  }

 private:
  void judge_substitute(const Activity& one, const SimWorld& world) const {
    constexpr std::string_view words = "substitute for ";
    if (!one.because.starts_with(words)) return;
    const InstanceId sick{one.because.substr(words.size(), one.because.find(',') - words.size())};
    const Guest* const guest = world.hosts.find(sick);
    if (guest && guest->told.misses < world.spec.heal.misses)
      broken(fmt::format("{} is replaced after {}", sick.text,
                         plural(guest->told.misses, "missed answer")));
  }
  void judge_stop(const Guest& guest, const Decided& decided, const SimWorld& world) const {
    const bool is_sick = decided.was == Lifecycle::serving ||
                         (decided.was == Lifecycle::draining && guest.told.misses > 0);
    if (!is_sick || decided.drain_cause == DrainCause::shutdown) return;
    tested();
    if (guest.connections == 0 || is_past_patience(guest, world.spec, world.now) ||
        (decided.was == Lifecycle::draining && is_past_deadline(decided, world.now)))
      return;
    // Whether it is frozen or cannot be reached, nobody who asks can tell.
    broken(fmt::format("{} is condemned with {} on it, {} after it answered", guest.id.text,
                       guest.connections, to_text(world.now - guest.last_answer)));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_certainty(Promise::Witness witness) {
  return std::make_unique<Certainty>(std::move(witness));
}

}  // namespace utakata
