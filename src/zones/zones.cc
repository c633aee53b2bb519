#include "zones/zones.h"

#include <date/tz.h>

#include <stdexcept>

namespace utakata {

std::optional<Zone> load_zone(std::string_view name) {
  if (name == "UTC") return Zone{};
  try {
    const date::time_zone* const known = date::locate_zone(std::string(name));
    Zone zone{.name = std::string(name), .periods = {}};
    using std::chrono::seconds;
    constexpr date::sys_days kEnd{date::January / 1 / 2101};
    for (auto at = date::sys_seconds{date::floor<date::days>(std::chrono::system_clock::now()) -
                                     date::days{400}};
         at < kEnd;) {
      const date::sys_info info = known->get_info(at);
      const bool is_first = zone.periods.empty();
      if (is_first || zone.periods.back().offset != info.offset)
        zone.periods.push_back(
            {is_first ? WallTime::min() : WallTime{info.begin.time_since_epoch()}, info.offset});
      at = info.end;
    }
    return zone;
  } catch (const std::runtime_error&) {
    return std::nullopt;  // no such zone, or no tables on this host
  }
}

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  try {
    for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::runtime_error&) {  // no tables on this host
  }
  return names;
}

}  // namespace utakata
