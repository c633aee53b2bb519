// 9 Crash-safe: whatever happens to the controller, no instance is lost and none is started twice.
#include <fmt/format.h>

#include <algorithm>

#include "sim/promise.h"

namespace utakata {
namespace {

class CrashSafe final : public Promise {
 public:
  using Promise::Promise;
  // What runs and is in nobody's record a while after the controller came back.
  void second(const SimWorld& world) override {
    if (!world.fleet || world.now - world.controller_since < 5s) return;
    for (const std::uint32_t index : world.hosts.there()) {
      const Guest& guest = world.hosts[index];
      if (guest.cluster != world.spec.name || guest.phase != Guest::Phase::serving) continue;
      if (guest.starts > 1)
        broken(fmt::format("9 crash-safe: {} was started twice", guest.id.text));
      if (std::ranges::find(world.fleet->instances, guest.id, &Instance::id) ==
          world.fleet->instances.end())
        broken(fmt::format("9 crash-safe: {} runs, and nobody knows of it", guest.id.text));
    }
  }
};

}  // namespace

std::unique_ptr<Promise> promise_crash_safe(Promise::Broken broken) {
  return std::make_unique<CrashSafe>(std::move(broken));
}

}  // namespace utakata
