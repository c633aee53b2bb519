// 5 Seats: nobody who was placed finds an instance beyond its capacity.
#include <fmt/format.h>

#include "sim/promise.h"

namespace utakata {
namespace {

class Seats final : public Promise {
 public:
  using Promise::Promise;
  void connects(const Guest& guest, const ClusterSpec& spec) override {
    if (guest.connections != spec.capacity + 1) return;
    broken(fmt::format("5 seats: {} has {} on it, {} at most", guest.id.text, guest.connections,
                       spec.capacity));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_seats(Promise::Broken broken) {
  return std::make_unique<Seats>(std::move(broken));
}

}  // namespace utakata
