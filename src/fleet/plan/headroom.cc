#include "fleet/plan/headroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
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

std::string headroom_words(const HeadroomRule& rule, const Sample& sample) {
  std::string words = fmt::format("{} connection{}", grouped(sample.connections),
                                  sample.connections == 1 ? "" : "s");
  const auto term = [&](std::int64_t n, const char* what) {
    if (n > 0) words += fmt::format(" + {} {}", grouped(n), what);
  };
  term(sample.seats_held, "held");
  term(sample.waiting, "waiting");
  term(sample.connections_silent, "of silent instances");
  words += fmt::format(" + {} headroom", to_text(rule.amount));
  term(sample.lost, "of unknown count, taken as full,");
  return words;
}

}  // namespace

Proposal propose_headroom(const std::string& name, const HeadroomRule& rule, const Sample& sample) {
  check(sample.capacity > 0, "the stack file refuses a capacity below 1");
  if (sample.told == 0 && sample.lost + sample.untold > 0)
    return {name, std::nullopt,
            fmt::format("none of {} serving tells its count: unknown is not zero",
                        grouped(sample.serving))};
  const std::int64_t capacity = sample.capacity;
  const std::int64_t seats = sample.connections + sample.connections_silent + sample.seats_held +
                             sample.waiting + sample.lost * capacity +
                             headroom_seats(rule.amount, sample);
  const std::int64_t need = (seats + capacity - 1) / capacity;
  const std::int64_t want =
      std::max(need, std::min<std::int64_t>(need + sample.untold, sample.size()));
  std::string because = fmt::format("{} need {} of {}", headroom_words(rule, sample), grouped(need),
                                    grouped(capacity));
  if (want > need)
    because += fmt::format("; {} of unknown count keep their place", grouped(sample.untold));
  return {name, int(std::min<std::int64_t>(want, 1'000'000'000)), std::move(because)};
}

}  // namespace utakata
