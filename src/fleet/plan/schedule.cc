#include "fleet/plan/schedule.h"

#include <fmt/format.h>

#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

std::optional<WallTime> end_of(const ScheduleRule& rule, WallTime begin) {
  if (rule.until) return next(*rule.until, rule.zone, begin);
  return begin + std::chrono::duration_cast<std::chrono::milliseconds>(rule.lasts);
}

}  // namespace

Proposal propose_schedule(const std::string& name, const ScheduleRule& rule, const Sample& sample) {
  const auto begin = latest(rule.at, rule.zone, sample.wall);
  if (begin) {
    // An `until` that never comes again ends nothing.
    const auto end = end_of(rule, *begin);
    if (!end)
      return {name, rule.min,
              fmt::format("since {} {}: at least {}", shown(rule.zone, *begin), rule.zone.name,
                          grouped(rule.min))};
    if (sample.wall < *end)
      return {name, rule.min,
              fmt::format("from {} to {} {}: at least {}", shown(rule.zone, *begin),
                          shown(rule.zone, *end), rule.zone.name, grouped(rule.min))};
  }
  const auto again = next(rule.at, rule.zone, sample.wall);
  return {name, std::nullopt,
          again ? fmt::format("next at {} {}", shown(rule.zone, *again), rule.zone.name)
                : fmt::format("{} is over and does not come again", rule.at.text)};
}

}  // namespace utakata
