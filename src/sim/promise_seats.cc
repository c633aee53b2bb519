// 5 Seats: nobody who was placed finds an instance beyond its capacity, where its counts are
// true and nobody came by an old address.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Seats final : public Promise {
 public:
  using Promise::Promise;
  void connects(const Guest& guest, const Asking&, const SimWorld& world) override {
    if (guest.connections == world.spec.capacity) tested();
    if (guest.connections != world.spec.capacity + 1 ||
        !guest.is_known_well(world.spec, world.now) || may_be_free_too_early(guest, world))
      return;
    broken(fmt::format("{} has {} on it, {} at most", guest.id.text, guest.connections,
                       world.spec.capacity));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_seats(Promise::Witness witness) {
  return std::make_unique<Seats>(std::move(witness));
}

}  // namespace utakata
