#include "base/calendar.h"

#include <algorithm>

namespace utakata {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::minutes;

constexpr int kDaysMax = 9 * 366;

bool suits(const Calendar& calendar, local_days day) {
  const std::chrono::year_month_day date{day};
  if (!calendar.months[unsigned(date.month())]) return false;
  const bool by_day = calendar.days[unsigned(date.day())];
  const bool by_weekday = calendar.weekdays[std::chrono::weekday{day}.c_encoding()];
  return calendar.is_any_day || calendar.is_any_weekday ? by_day && by_weekday
                                                        : by_day || by_weekday;
}

// Each minute of the day that suits, in order; stops when `stop` answers true.
template <class F>
bool each_minute(const Calendar& calendar, bool backwards, F stop) {
  for (int k = 0; k < 24 * 60; ++k) {
    const int minute = backwards ? 24 * 60 - 1 - k : k;
    if (calendar.hours[std::size_t(minute) / 60] && calendar.minutes[std::size_t(minute) % 60] &&
        stop(std::chrono::minutes{minute}))
      return true;
  }
  return false;
}

// Clocks may have been put back since: what they show now is not the latest that they have shown.
std::optional<WallTime> search(const Calendar& calendar, const Zone& zone, WallTime now,
                               bool backwards) {
  const auto is_found = [&](WallTime at) { return backwards ? at <= now : at > now; };
  if (calendar.once) {
    const WallTime at = to_wall(zone, *calendar.once);
    return is_found(at) ? std::optional(at) : std::nullopt;
  }
  const auto today = std::chrono::floor<days>(to_local(zone, now));
  for (int k = -1; k < kDaysMax; ++k) {  // a day more: midnight itself may be put back
    const local_days day = today + days{backwards ? -k : k};
    if (!suits(calendar, day)) continue;
    std::optional<WallTime> found;
    each_minute(calendar, backwards, [&](minutes minute) {
      const WallTime at = to_wall(zone, day + minute);
      if (is_found(at)) found = at;
      return found.has_value();
    });
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

std::chrono::local_time<std::chrono::milliseconds> to_local(const Zone& zone, WallTime at) {
  const auto after = std::ranges::upper_bound(zone.periods, at, {}, &Zone::Period::from);
  const Zone::Period& period = after == zone.periods.begin() ? *after : *std::prev(after);
  return std::chrono::local_time<std::chrono::milliseconds>{at.time_since_epoch() + period.offset};
}

WallTime to_wall(const Zone& zone, LocalMinute at) {
  WallTime found{};
  for (std::size_t i = 0; i < zone.periods.size(); ++i) {
    const Zone::Period& period = zone.periods[i];
    found = WallTime{std::chrono::milliseconds{at.time_since_epoch()} - period.offset};
    if (i > 0) found = std::max(found, period.from);
    if (i + 1 < zone.periods.size() && found >= zone.periods[i + 1].from) continue;
    break;
  }
  return found;
}

std::optional<WallTime> latest(const Calendar& calendar, const Zone& zone, WallTime now) {
  return search(calendar, zone, now, true);
}

std::optional<WallTime> next(const Calendar& calendar, const Zone& zone, WallTime now) {
  return search(calendar, zone, now, false);
}

}  // namespace utakata
