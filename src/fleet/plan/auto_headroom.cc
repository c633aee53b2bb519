#include "fleet/plan/auto_headroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "fleet/plan/demand.h"
#include "fleet/plan/rules_words.h"
#include "fleet/plan/scale.h"

namespace utakata {
namespace {

constexpr Duration mean_window{10s}, rate_window{600s};

struct Arrived {                   // since the sample before
  const Sample* sample = nullptr;  // valid during the push
  double asked = 0, taken = 0, seconds = 0;
};

struct Rate {
  const Sample* sample = nullptr;  // valid during the push
  double a_second = 0;
};

struct Before {
  bool is_known = false;
  Instant at{};
  std::int64_t granted = 0, accepted = 0;
  int waiting = 0;
};

Arrived arrived_since(Before& before, Instant at, const Sample& sample) {
  Arrived arrived{.sample = &sample};
  if (before.is_known) {
    // Who leaves the line for a seat is no further arrival.
    arrived.asked = double(sample.granted - before.granted + sample.waiting - before.waiting);
    // An instance that is gone takes its number with it: that is no arrival below zero.
    arrived.taken = double(std::max<std::int64_t>(0, sample.accepted - before.accepted));
    arrived.seconds = to_seconds(at - before.at);
  }
  before = {true, at, sample.granted, sample.accepted, sample.waiting};
  return arrived;
}

Rate rate_of(const std::deque<Stamped<Arrived>>& last) {
  Arrived sum;
  for (const auto& one : last) {
    sum.asked += one.value.asked;
    sum.taken += one.value.taken;
    sum.seconds += one.value.seconds;
  }
  return {last.back().value.sample,
          sum.seconds > 0 ? std::max({0.0, sum.asked, sum.taken}) / sum.seconds : 0};
}

double p95(const std::deque<Stamped<Rate>>& rates) {
  std::vector<double> sorted;
  sorted.reserve(rates.size());
  for (const auto& one : rates) sorted.push_back(one.value.a_second);
  const std::size_t rank = (sorted.size() * 95 + 99) / 100 - 1;
  std::ranges::nth_element(sorted, sorted.begin() + std::ptrdiff_t(rank));
  return sorted[rank];
}

// Of so many at once as arrive while one boots.
Duration boot_of(const Sample& sample, double a_second) {
  const BootTimes& boots = *sample.boots;
  const Duration one = boots.p95(1).value_or(sample.boot_unmeasured);
  const double meanwhile = std::ceil(a_second * to_seconds(one) / sample.capacity);
  const int at_once = int(std::clamp(meanwhile, 1.0, double(ScaleLimits{}.starting_max)));
  return boots.p95(at_once).value_or(sample.boot_unmeasured);
}

Proposal propose(const std::string& name, const std::deque<Stamped<Rate>>& rates) {
  const Sample& sample = *rates.back().value.sample;
  if (is_untold(sample)) return untold(name, sample);
  const double a_second = std::max(p95(rates), rates.back().value.a_second);
  const Duration boot = boot_of(sample, a_second);
  const double meanwhile = a_second * to_seconds(boot);
  const double seats = meanwhile + std::max(meanwhile / 5, 0.1 * sample.capacity);
  const auto headroom = std::int64_t(std::ceil(std::min(seats, 1e12) - 1e-9));
  const Demand demand = demand_of(sample);
  const std::int64_t need = (demand.seats + headroom + sample.capacity - 1) / sample.capacity;
  return sized(
      name, need, sample.untold, sample,
      fmt::format("{} + {} headroom ({} arrive a second, p95, and a boot takes {}{}){} need {} of "
                  "{}",
                  demand.words, grouped(headroom), plain(std::round(a_second * 10) / 10),
                  to_text(std::chrono::round<std::chrono::seconds>(boot)),
                  sample.boots->p95(1) ? ", p95" : ", not measured yet", demand.lost, grouped(need),
                  grouped(sample.capacity)));
}

}  // namespace

Stream<Proposal> auto_headroom(const Stream<Sample>& samples, const std::string& name) {
  return samples.scan(Before{}, arrived_since)
      .window(mean_window)
      .map(rate_of)
      .window(rate_window)
      .map([name](const std::deque<Stamped<Rate>>& rates) { return propose(name, rates); });
}

}  // namespace utakata
