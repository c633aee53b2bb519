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
    if (++seconds_ % 10 != 0) return;  // what is lost stays lost
    const std::vector<Instance>& known = world.fleet->instances;
    auto next = known.begin();  // both lists are in the order of launches, so one walk will do
    for (const std::uint32_t index : world.hosts.there()) {
      const Guest& guest = world.hosts[index];
      if (guest.cluster != world.spec.name || guest.phase != Guest::Phase::serving) continue;
      if (guest.starts > 1)
        broken(fmt::format("9 crash-safe: {} was started twice", guest.id.text));
      auto found =
          std::find_if(next, known.end(), [&](const Instance& i) { return i.id == guest.id; });
      if (found == known.end()) found = std::ranges::find(known, guest.id, &Instance::id);
      if (found == known.end())
        broken(fmt::format("9 crash-safe: {} runs, and nobody knows of it", guest.id.text));
      else
        next = found + 1;
    }
  }

 private:
  int seconds_ = 0;
};

}  // namespace

std::unique_ptr<Promise> promise_crash_safe(Promise::Broken broken) {
  return std::make_unique<CrashSafe>(std::move(broken));
}

}  // namespace utakata
