// 11 Reasons: every step has one.
#include <fmt/format.h>

#include "sim/promise.h"

namespace utakata {
namespace {

class Reasons final : public Promise {
 public:
  using Promise::Promise;
  void ends(Hosts&, std::span<const Activity> activities) override {
    for (const Activity& one : activities)
      if (one.phase == Activity::Phase::intent && one.because.empty())
        broken(fmt::format("11 reasons: {} of {} has none", one.kind, one.instance));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_reasons(Promise::Broken broken) {
  return std::make_unique<Reasons>(std::move(broken));
}

}  // namespace utakata
