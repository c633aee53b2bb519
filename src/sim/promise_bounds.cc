// 4 Bounds, of them `total_max`: never are more than so many launched, whatever becomes of them.
#include <fmt/format.h>

#include "sim/promise.h"

namespace utakata {
namespace {

class Bounds final : public Promise {
 public:
  using Promise::Promise;
  // What is there by the world itself, whatever the record says of it.
  void second(const SimWorld& world) override {
    int there = 0;
    for (const std::uint32_t index : world.hosts.there())
      there += world.hosts[index].cluster == world.spec.name;
    const int most = instances_total_max(world.spec);
    if (there > most && there > was_)
      broken(fmt::format("4 bounds: {} instances of {} are there, {} at most", there,
                         world.spec.name, most));
    was_ = there;
  }

 private:
  int was_ = 0;
};

}  // namespace

std::unique_ptr<Promise> promise_bounds(Promise::Broken broken) {
  return std::make_unique<Bounds>(std::move(broken));
}

}  // namespace utakata
