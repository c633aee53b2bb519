// L1: a while after the last fault at least `min` serve and everybody fits, or the record says what
// forbids it.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Recovery final : public Promise {
 public:
  using Promise::Promise;
  void second(const SimWorld& world) override {
    // The p95 of a log-normal with sigma 0.25 is 1.5 x its median.
    const Duration allowed = world.hosts.habits.boot * 3 / 2 + 10s;
    const int wanted = std::max(world.spec.instances_min, needed_throughout(world, allowed));
    const int serving = world.census.answering;
    if (serving >= wanted || world.is_held_back() || !world.fleet) {
      if (since_ && serving >= wanted) tested();
      return since_.reset();
    }
    if (!since_) since_ = world.now;
    const Instant from = std::max({*since_, world.last_fault, world.controller_since});
    if (world.now - from <= allowed) return;
    broken(fmt::format("{} of {} have served for {}, {} at least", serving, world.spec.name,
                       to_text(world.now - *since_), wanted));
    since_.reset();
  }

 private:
  // As many as the people would fill, where a rule goes by how many there are: the fewest within
  // so long, as nobody launches for whom it does not know of yet. A line ends with its owner: whom
  // that one told to come later it will know of then.
  int needed_throughout(const SimWorld& world, Duration time) {
    const ClusterSpec& spec = world.spec;
    const bool is_by_people = std::ranges::any_of(spec.scale, [](const Rule& rule) {
      const auto* const target = std::get_if<TargetRule>(&rule.kind);
      return std::holds_alternative<HeadroomRule>(rule.kind) || (target && target->metric == 0);
    });
    if (!is_by_people || spec.seats_per_key > 1) return 0;  // rooms leave seats that fit nobody
    const auto needed = (world.wishing - world.unheard + spec.capacity - 1) / spec.capacity;
    needed_.push_back({world.now, int(std::min<std::int64_t>(needed, spec.instances_max))});
    if (needed_.front().first > world.now - time) return 0;
    while (needed_.front().first < world.now - time) needed_.pop_front();
    return std::ranges::min(needed_, {}, &std::pair<Instant, int>::second).second;
  }
  std::deque<std::pair<Instant, int>> needed_;
  std::optional<Instant> since_;
};

}  // namespace

std::unique_ptr<Promise> promise_recovery(Promise::Witness witness) {
  return std::make_unique<Recovery>(std::move(witness));
}

}  // namespace utakata
