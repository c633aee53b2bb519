#include "fleet/plan/headroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "fleet/plan/demand.h"
#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

std::int64_t headroom_seats(const Amount& amount, const Sample& sample) {
  const double seats = amount.is_percent
                           ? double(sample.connections + sample.seats_held) * amount.value / 100
                           : amount.value;
  // The small number forgives rounding: 30 % of 10 is 3, and not 4. The bound keeps a mad file from
  // overflow.
  return std::int64_t(std::ceil(std::clamp(seats, 0.0, 1e15) - 1e-9));
}

}  // namespace

Proposal propose_headroom(const std::string& name, const HeadroomRule& rule, const Sample& sample) {
  check(sample.capacity > 0, "the stack file refuses a capacity below 1");
  if (is_untold(sample)) return untold(name, sample);
  const std::int64_t capacity = sample.capacity;
  const Demand demand = demand_of(sample);
  const std::int64_t need =
      (demand.seats + headroom_seats(rule.amount, sample) + capacity - 1) / capacity;
  return sized(name, need, sample.untold, sample,
               fmt::format("{} + {} headroom{} need {} of {}", demand.words, to_text(rule.amount),
                           demand.lost, grouped(need), grouped(capacity)));
}

}  // namespace utakata
