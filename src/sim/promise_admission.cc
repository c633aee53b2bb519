// 12 Admission: an instance gets at most `accept` new clients a second, and who is first in line is
// not passed over again and again.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>

#include "base/text.h"
#include "sim/promise.h"

namespace utakata {
namespace {

class Admission final : public Promise {
 public:
  using Promise::Promise;
  void begins_life(Instant) override { line_.clear(); }
  void answers(const Asking& asking, const PlaceAnswer& answer, const Guest* guest,
               const SimWorld& world) override {
    if (answer && guest && world.spec.accept_per_second > 0) count(*guest, world);
    if (asking.room) return;  // who is awaited in a room waits for nobody
    if (answer)
      passes(asking);
    else if (answer.error().line)
      waits(asking, answer.error(), world);
  }

 private:
  static constexpr Duration kGrace{5s};
  struct Waiter {
    Instant absent_after{};
    int asked = 0, passed_over = 0;
    bool is_passed = false;
  };
  void count(const Guest& guest, const SimWorld& world) {
    const double accept = world.spec.accept_per_second;
    const Duration window = accept >= 1 ? Duration{1s} : from_seconds(1 / accept);
    auto& times = placed_[guest.id];
    while (!times.empty() && world.now - times.front() >= window) times.pop_front();
    times.push_back(world.now);
    if (double(times.size()) >= std::floor(std::max(1.0, accept))) tested();
    if (double(times.size()) > std::max(1.0, accept))
      broken(fmt::format("{} was given {} clients within {}, {} at most", guest.id.text,
                         times.size(), to_text(window), accept));
  }
  void passes(const Asking& asking) {
    const auto known = asking.line ? line_.find(*asking.line) : line_.end();
    if (known != line_.begin()) line_.begin()->second.is_passed = true;
    if (known != line_.end()) line_.erase(known);
  }
  void waits(const Asking& asking, const Refusal& refusal, const SimWorld& world) {
    while (!line_.empty() && line_.begin()->second.absent_after < world.now)
      line_.erase(line_.begin());
    if (asking.line && asking.line != refusal.line) line_.erase(*asking.line);  // it lost it
    const auto [known, is_new] = line_.try_emplace(*refusal.line);
    Waiter& waiter = known->second;
    waiter.absent_after = world.now + refusal.retry_after + kGrace;
    if (is_new) return;
    ++waiter.asked;
    if (known != line_.begin()) return;
    // Whose claim stood, and who saw others go before it nevertheless.
    if (waiter.asked > 1 && std::exchange(waiter.is_passed, false) && ++waiter.passed_over >= 6)
      broken(fmt::format("one of {} is first in line and was passed over {} times", world.spec.name,
                         waiter.passed_over));
  }
  std::map<InstanceId, std::deque<Instant>> placed_;
  std::map<std::uint64_t, Waiter> line_;  // by its number: who came first has the lowest
};

}  // namespace

std::unique_ptr<Promise> promise_admission(Promise::Witness witness) {
  return std::make_unique<Admission>(std::move(witness));
}

}  // namespace utakata
