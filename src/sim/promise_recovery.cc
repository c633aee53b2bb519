// L1: a while after the last fault at least `min` serve, or the record says what forbids it.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Recovery final : public Promise {
 public:
  using Promise::Promise;
  void second(const SimWorld& world) override {
    int serving = 0;
    for (const std::uint32_t index : world.hosts.there()) {
      const Guest& guest = world.hosts[index];
      serving += guest.cluster == world.spec.name && guest.answers();
    }
    if (serving >= world.spec.instances_min || world.is_held_back() || !world.fleet) {
      if (since_ && serving >= world.spec.instances_min) tested();
      return since_.reset();
    }
    if (!since_) since_ = world.now;
    const Instant from = std::max({*since_, world.last_fault, world.controller_since});
    // The p95 of a log-normal with sigma 0.25 is 1.5 x its median.
    const Duration allowed = world.hosts.habits.boot * 3 / 2 + 10s;
    if (world.now - from <= allowed) return;
    broken(fmt::format("{} of {} have served for {}, {} at least", serving, world.spec.name,
                       to_text(world.now - *since_), world.spec.instances_min));
    since_.reset();
  }

 private:
  std::optional<Instant> since_;
};

}  // namespace

std::unique_ptr<Promise> promise_recovery(Promise::Witness witness) {
  return std::make_unique<Recovery>(std::move(witness));
}

}  // namespace utakata
