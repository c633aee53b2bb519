#include "fleet/plan/demand.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "fleet/plan/rules_words.h"

namespace utakata {

Demand demand_of(const Sample& sample) {
  Demand demand;
  demand.words = fmt::format("{} connection{}", grouped(sample.connections),
                             sample.connections == 1 ? "" : "s");
  demand.seats = sample.connections;
  const auto term = [&](std::int64_t n, const char* what) {
    if (n > 0) demand.words += fmt::format(" + {} {}", grouped(n), what);
    demand.seats += n;
  };
  term(sample.seats_held, "held");
  term(sample.waiting, "waiting");
  term(sample.connections_silent, "of silent instances");
  if (sample.lost > 0)
    demand.lost = fmt::format(" + {} of unknown count, taken as full,", grouped(sample.lost));
  demand.seats += std::int64_t{sample.lost} * sample.capacity;
  return demand;
}

bool is_untold(const Sample& sample) { return sample.told == 0 && sample.lost + sample.untold > 0; }

Proposal untold(const std::string& rule, const Sample& sample) {
  return {rule, std::nullopt,
          fmt::format("none of {} serving tells its count: unknown is not zero",
                      grouped(sample.serving))};
}

Proposal sized(const std::string& rule, std::int64_t need, int unknown, const Sample& sample,
               std::string because) {
  const std::int64_t want = std::max(need, std::min<std::int64_t>(need + unknown, sample.size()));
  if (want > need)
    because += fmt::format("; {} of unknown count keep their place", grouped(unknown));
  return {rule, int(std::min<std::int64_t>(want, 1'000'000'000)), std::move(because)};
}

}  // namespace utakata
