#include "fleet/plan/schedule.h"

#include <fmt/format.h>

#include "fleet/plan/rules_words.h"

namespace utakata {
namespace {

// "2026-12-31 20:00" as clocks of the zone show it.
std::string shown(const Zone& zone, WallTime at) {
  const auto local = to_local(zone, at);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const auto minutes = std::chrono::floor<std::chrono::minutes>(local - day).count();
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), minutes / 60, minutes % 60);
}

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
