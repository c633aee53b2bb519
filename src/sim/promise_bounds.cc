// 4 Bounds: `max` of those starting and serving, but for substitutes and a roll-out; never more
// than `total_max` in all; a scale-in or a roll-out never leaves fewer serving than `min`.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Bounds final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    bool launches = false, drains = false, surge = false;
    for (const Activity& one : step.activities) {
      launches |= is_intent(one, "launch");
      surge |= is_intent(one, "launch") && one.because.starts_with("roll-out");
      drains |= is_intent(one, "drain") && one.by == "utakata";
    }
    if (!launches && !drains) return;
    const SimWorld& world = step.world;
    const Sizes sizes = sizes_of(world);
    const ClusterSpec& spec = world.spec;
    if (launches && sizes.total >= spec.instances_max) tested();
    if (launches && sizes.total > instances_total_max(spec))
      broken(fmt::format("{} of {} exist with what is launched, {} at most", sizes.total, spec.name,
                         instances_total_max(spec)));
    // Where an old version serves, the new one comes beside it.
    if (launches && !surge && sizes.old == 0 && sizes.starting + sizes.serving > spec.instances_max)
      broken(fmt::format("{} of {} start or serve with what is launched, max {}",
                         sizes.starting + sizes.serving, spec.name, spec.instances_max));
    if (drains && sizes.serving < spec.instances_min)
      broken(fmt::format("{} of {} serve after a drain, min {}", sizes.serving, spec.name,
                         spec.instances_min));
  }
  // What is there by the world itself, whatever the record says of it.
  void second(const SimWorld& world) override {
    // But for what was asked for late, by one who was frozen: it has run nothing, and goes.
    const int there =
        int(std::ranges::count_if(world.hosts.there(world.spec.name), [&](std::uint32_t index) {
          const Guest& guest = world.hosts[index];
          return guest.starts > 0 || world.decided.contains(guest.id);
        }));
    const int most = instances_total_max(world.spec);
    if (there > most && there > was_)
      broken(fmt::format("{} instances of {} are there, {} at most", there, world.spec.name, most));
    was_ = there;
  }

 private:
  struct Sizes {
    int starting = 0, serving = 0, old = 0, total = 0;
  };
  // Serving are those that answer: of whom three answers are missing, a substitute takes the place.
  static Sizes sizes_of(const SimWorld& world) {
    Sizes sizes{.total = int(world.decided.size())};
    for (const auto& [id, one] : world.decided) {
      sizes.starting += one.lifecycle == Lifecycle::starting;
      if (one.lifecycle != Lifecycle::serving) continue;
      const Guest* const guest = world.hosts.find(id);
      if (guest && guest->told.misses >= world.spec.heal.misses) continue;
      ++sizes.serving;
      sizes.old += world.fleet && one.version != world.fleet->spec.version;
    }
    return sizes;
  }
  int was_ = 0;
};

}  // namespace

std::unique_ptr<Promise> promise_bounds(Promise::Witness witness) {
  return std::make_unique<Bounds>(std::move(witness));
}

}  // namespace utakata
