// 1 No cut: scaling and roll-outs stop an instance only when nobody is on it.
#include <fmt/format.h>

#include "sim/promise.h"

namespace utakata {
namespace {

class NoCut final : public Promise {
 public:
  using Promise::Promise;
  void stops(const Stopping& stopping) override {
    const Guest& guest = stopping.guest;
    if (stopping.cause != CutCause::scaling || guest.connections == 0) return;
    broken(fmt::format("1 no cut: {} was stopped with {} on it", guest.id.text, guest.connections));
  }
};

}  // namespace

std::unique_ptr<Promise> promise_no_cut(Promise::Broken broken) {
  return std::make_unique<NoCut>(std::move(broken));
}

}  // namespace utakata
