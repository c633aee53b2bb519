// 6 Healing kills only on certainty: silent for longer than clients wait, or empty.
#include <fmt/format.h>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Certainty final : public Promise {
 public:
  using Promise::Promise;
  void stops(const Stopping& stopping) override {
    const Guest& guest = stopping.guest;
    if (stopping.cause != CutCause::healing || guest.connections == 0) return;
    // Whether it is frozen or cannot be reached, nobody who asks can tell.
    const Duration silence = stopping.now - guest.last_answer;
    if (silence >= stopping.spec.heal.clients_wait) return;
    broken(fmt::format("6 certainty: {} was condemned with {} on it, {} after it answered",
                       guest.id.text, guest.connections, to_text(silence)));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_certainty(Promise::Broken broken) {
  return std::make_unique<Certainty>(std::move(broken));
}

}  // namespace utakata
