// 9 Crash-safe: whatever happens to the controller, no instance is lost and none is started twice,
// and what was recorded is done.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class CrashSafe final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant) override { tested(); }
  // What runs and is in nobody's record a while after the controller came back.
  void second(const SimWorld& world) override {
    if (!world.fleet || !world.is_running_for(5s)) return;
    if (++seconds_ % 10 != 0) return;  // what is lost stays lost
    judge_unknown(world);
    for (const std::uint32_t index : world.hosts.twins()) {
      const Guest& twin = world.hosts[index];
      if (twin.starts > 0) broken(fmt::format("{} runs twice", twin.id.text));
      if (twin.phase == Guest::Phase::gated && world.is_calm_for(10s) &&
          world.now - twin.gated_at > 10s)
        broken(fmt::format("a twin of {} waits at its gate, and nobody ends it", twin.id.text));
    }
    if (!world.is_calm_for(10s)) return;
    for (const auto& [id, one] : world.decided) {
      const Guest* const guest = world.hosts.find(id);
      if (!guest && world.now - one.since > 10s)
        broken(fmt::format("{} is {} by the record, and nothing of it is there", id.text,
                           to_text(one.lifecycle)));
      if (guest && guest->phase == Guest::Phase::gated && world.now - one.since > 10s)
        broken(fmt::format("{} is launched by the record, and was never let run", id.text));
      if (guest && one.lifecycle == Lifecycle::stopping && guest->phase != Guest::Phase::stopping &&
          world.now - one.since > 10s)
        broken(fmt::format("{} is to stop since {}, and nobody asked for it", id.text,
                           to_text(world.now - one.since)));
    }
  }

 private:
  void judge_unknown(const SimWorld& world) const {
    const std::vector<Instance>& known = world.fleet->instances;
    auto next = known.begin();  // both lists are in the order of launches, so one walk will do
    for (const std::uint32_t index : world.hosts.there(world.spec.name)) {
      const Guest& guest = world.hosts[index];
      if (guest.phase != Guest::Phase::serving) continue;
      if (guest.starts > 1) broken(fmt::format("{} was started twice", guest.id.text));
      auto found =
          std::find_if(next, known.end(), [&](const Instance& i) { return i.id == guest.id; });
      if (found == known.end()) found = std::ranges::find(known, guest.id, &Instance::id);
      if (found == known.end())
        broken(fmt::format("{} runs, and nobody knows of it", guest.id.text));
      else
        next = found + 1;
    }
  }
  int seconds_ = 0;
};

}  // namespace

std::unique_ptr<Promise> promise_crash_safe(Promise::Witness witness) {
  return std::make_unique<CrashSafe>(std::move(witness));
}

}  // namespace utakata
