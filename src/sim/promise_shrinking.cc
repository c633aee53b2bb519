// L2: within `settle` and a step of demand falling the surplus is draining.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Shrinking final : public Promise {
 public:
  using Promise::Promise;
  void records(const SimStep& step) override {
    for (const Activity& one : step.activities)
      if (is_intent(one, "drain")) waits_since_ = step.world.now;
  }
  void answers(const Asking&, const PlaceAnswer& answer, const Guest*,
               const SimWorld& world) override {
    wished_ = std::max(wished_, world.wishing);
    granted_ += answer.has_value();
  }
  void second(const SimWorld& world) override {
    const Duration settle = world.spec.settle + world.spec.hold + kSlack;
    const auto need = need_since_last(world);
    if (!need) return;
    wants_.push_back({world.now, *need});
    while (wants_.front().first < world.now - settle) wants_.pop_front();
    const int most = std::ranges::max(wants_, {}, &std::pair<Instant, int>::second).second;
    const int serving = world.census.decided_as(Lifecycle::serving);
    const bool is_still =
        world.census.decided_as(Lifecycle::starting) == 0 && world.is_calm_for(settle);
    if (serving <= most || !is_still) {
      waits_since_ = world.now;
      return;
    }
    if (world.now - waits_since_ == 1s) tested();
    if (world.now - waits_since_ <= kStep + kSlack) return;
    broken(fmt::format(
        "{} of {} serve, {} were needed at most in the last {}, and none has begun to drain for {}",
        serving, world.spec.name, most, to_text(settle), to_text(world.now - waits_since_)));
    waits_since_ = world.now;
  }

 private:
  static constexpr Duration kSlack{15s}, kStep{30s};
  // By the people themselves, who may be counted and held a seat at once: the most that it can have
  // been within the last second. Nothing: a rule goes by something else.
  std::optional<int> need_since_last(const SimWorld& world) {
    const ClusterSpec& spec = world.spec;
    const std::int64_t held = world.ledger ? world.ledger->seats_held() : 0;
    const double seats = double(std::max(world.wishing, std::exchange(wished_, 0))) +
                         double(std::max(held, std::exchange(held_, held) + granted_)) +
                         (world.seats ? world.seats->waiting : 0);
    granted_ = 0;
    double need = spec.instances_min;
    for (const Rule& rule : spec.scale) {
      const auto* const headroom = std::get_if<HeadroomRule>(&rule.kind);
      const auto* const target = std::get_if<TargetRule>(&rule.kind);
      if (headroom && headroom->is_auto) return std::nullopt;
      if (headroom) {
        const double free = headroom->amount.is_percent ? seats * headroom->amount.value / 100
                                                        : headroom->amount.value;
        need = std::max(need, std::ceil((seats + free) / spec.capacity));
      } else if (target && target->metric == 0) {
        need = std::max(need, std::ceil(seats / target->each));
      } else {
        return std::nullopt;
      }
    }
    return int(need);
  }
  std::deque<std::pair<Instant, int>> wants_;
  std::int64_t wished_ = 0, granted_ = 0,
               held_ = 0;  // the most, and all, since the last second; then
  Instant waits_since_{};
};

}  // namespace

std::unique_ptr<Promise> promise_shrinking(Promise::Witness witness) {
  return std::make_unique<Shrinking>(std::move(witness));
}

}  // namespace utakata
