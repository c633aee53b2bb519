#include "fleet/plan/heal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

constexpr Duration brake_window{60s};

bool can_be_sick(const Instance& i) {
  return i.lifecycle == Lifecycle::serving || i.lifecycle == Lifecycle::draining;
}

// A count taken in the last two periods by a probe that does not need the instance's own answer
// (the kernel's).
bool surely_empty(const Instance& i, const ClusterSpec& spec, Instant now) {
  return i.count && i.count->connections == 0 && i.out_of_placement && i.seats_held == 0 &&
         now - i.count->at < 2 * spec.every;
}

}  // namespace

bool is_silent(const Instance& i, const HealSpec& heal) {
  return can_be_sick(i) && i.misses >= heal.misses;  // even before its suspicion is recorded
}

HealResult heal(const Fleet& fleet, Instant now, Instant looked_at) {
  const HealSpec& heal = fleet.spec.heal;
  HealResult result;
  int able = 0, suspected = 0;  // a death that the provider told is a fact: it has left the fleet,
                                // so it is in neither
  for (const Instance& i : fleet.instances) {
    able += can_be_sick(i);
    suspected += can_be_sick(i) && i.suspected_at && looked_at - *i.suspected_at <= brake_window;
  }
  result.braked = suspected > std::max(2.0, heal.brake * able);
  if (result.braked)
    result.brake_because =
        fmt::format("{} of {} suspected within {}: more likely our view than their health",
                    suspected, able, to_text(brake_window));
  for (const Instance& i : fleet.instances) {
    if (!can_be_sick(i)) continue;
    if (i.suspect && i.misses == 0) {
      result.actions.push_back(TrustAction{i.id, "it answers again"});
      continue;
    }
    if (!i.suspect && i.misses >= heal.misses - 1)
      result.actions.push_back(
          SuspectAction{i.id, fmt::format("{} in a row", plural(i.misses, "missed answer"))});
    if (result.braked || !is_silent(i, heal)) continue;
    const Duration silence = looked_at - i.last_answer;
    const int clients = i.count ? i.count->connections : 0;
    if (surely_empty(i, fleet.spec, now))
      result.actions.push_back(
          StopAction{i.id, "it does not answer and a fresh count says it is empty", 0, true});
    else if (looked_at == now && silence > heal.clients_wait)
      result.actions.push_back(
          StopAction{i.id,
                     fmt::format("silent for {}, longer than clients themselves wait ({})",
                                 to_text(silence), to_text(heal.clients_wait)),
                     clients, false});
  }
  return result;
}

}  // namespace utakata
