// Local times that come again, and zones, as values: what `at:` of a stack file means. Pure, no
// table of zones is read here (src/zones does).
//
// A local time that does not exist (clocks are put forward) is the moment of the jump; one that
// comes twice (put back) is the first of both, and only that.
#pragma once

#include <bitset>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"

namespace utakata {

using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

struct Zone {
  struct Period {
    WallTime from;                  // the first one's is long ago
    std::chrono::seconds offset{};  // local minus UTC
    bool operator==(const Period&) const = default;
  };
  std::string name = "UTC";
  std::vector<Period> periods = {{}};  // in rising order, at least one
  bool operator==(const Zone&) const = default;
};

// A zone by its name; none: there is no such zone.
using ZoneTable = std::function<std::optional<Zone>(std::string_view name)>;
using ZoneNames = std::function<std::vector<std::string>()>;

std::chrono::local_time<std::chrono::milliseconds> to_local(const Zone& zone, WallTime at);
WallTime to_wall(const Zone& zone,
                 LocalMinute at);  // the earliest moment at which clocks show it, or later

// One minute, or all that suit: crontab(5)'s fields.
struct Calendar {
  std::optional<LocalMinute> once;  // the rest does not count then
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     // 1 to 31
  std::bitset<13> months;   // 1 to 12
  std::bitset<7> weekdays;  // 0 is Sunday
  bool is_any_day = true,
       is_any_weekday = true;  // `*`; where neither is, one of both is enough (POSIX, crontab)
  std::string text;            // as the user wrote it
  bool operator==(const Calendar&) const = default;
};

// The latest occurrence at or before `now`, the first one after it; none: never within nine years
// (a 29th of February is at most eight away). O(days between).
std::optional<WallTime> latest(const Calendar& calendar, const Zone& zone, WallTime now);
std::optional<WallTime> next(const Calendar& calendar, const Zone& zone, WallTime now);

}  // namespace utakata
