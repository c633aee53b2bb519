#include "fleet/plan/spread.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "fleet/plan/heal.h"

namespace utakata {

Spreading::Spreading(const Fleet& fleet, const Ladder& ladder, Instant now)
    : fleet_(fleet), ladder_(ladder), by_host_(fleet.spec.spread == SpreadOver::hosts) {
  if (fleet.spec.spread == SpreadOver::none) return;
  for (const Host& host : ladder.hosts()) {
    const std::size_t zone = zone_of(host.zone);
    if (host.is_up && host.is_open)
      candidates_.push_back({.host = &host,
                             .zone = zone,
                             .kept = ladder.places_kept(host, now),
                             .passed_over = ladder.passed_over(host, now)});
  }
  if (!candidates_.empty())
    for (const Instance& i : fleet.instances) count(i);
}

std::size_t Spreading::zone_of(const std::string& name) {
  const auto known = std::ranges::find(zones_, name, &Zone::name);
  if (known != zones_.end()) return std::size_t(known - zones_.begin());
  zones_.push_back({.name = name});
  return zones_.size() - 1;
}

void Spreading::count(const Instance& i) {
  const bool is_mine = i.lifecycle == Lifecycle::starting || i.lifecycle == Lifecycle::serving;
  const bool is_new = is_mine && i.version == fleet_.spec.version;
  total_ += is_mine;
  Zone& zone = zones_[zone_of(i.zone)];
  zone.mine += is_mine;
  zone.mine_new += is_new;
  const Host* const host = ladder_.host_of(i);
  const auto on = std::ranges::find(candidates_, host, &Candidate::host);
  if (on == candidates_.end()) return;
  ++on->there;
  on->mine += is_mine;
  on->mine_new += is_new;
  // Nobody knows yet what ails it: its neighbours would share it.
  if (is_silent(i, fleet_.spec.heal) && !host->name.empty() && on->passed_over.empty())
    on->passed_over = i.id.text + " is silent there";
}

Spreading::Candidate* Spreading::best(bool passes_over) {
  const auto rank = [&](const Candidate& c) {
    const Zone& zone = zones_[c.zone];
    return std::tuple(passes_over && !c.passed_over.empty(), by_host_ ? c.mine : zone.mine,
                      c.kept.empty(), by_host_ ? c.mine_new : zone.mine_new, zone.mine, c.there);
  };
  const auto found = std::ranges::min_element(candidates_, {}, rank);  // of equals the first
  return found == candidates_.end() ? nullptr : &*found;
}

std::optional<Place> Spreading::next() {
  if (fleet_.spec.spread == SpreadOver::none) {
    const bool any = std::ranges::any_of(
        ladder_.hosts(), [](const Host& host) { return host.is_up && host.is_open; });
    return any || ladder_.hosts().empty() ? std::optional(Place{}) : std::nullopt;
  }
  if (ladder_.hosts().empty()) return Place{};
  Candidate* const chosen = best(true);
  if (!chosen) return std::nullopt;
  Place place{.host = chosen->host->name,
              .zone = chosen->host->zone,
              .because = because(*chosen, *best(false))};
  Zone& zone = zones_[chosen->zone];
  ++zone.mine, ++zone.mine_new, ++total_;
  ++chosen->there, ++chosen->mine, ++chosen->mine_new;
  if (!chosen->kept.empty()) chosen->kept.erase(chosen->kept.begin());
  return place;
}

std::string Spreading::because(const Candidate& chosen, const Candidate& otherwise) const {
  const auto name = [](const Candidate& c) {
    return c.host->name.empty() ? "zone " + c.host->zone : c.host->name;
  };
  const bool by_zone = !by_host_ && zones_.size() > 1;
  const int mine = by_zone ? zones_[chosen.zone].mine : chosen.mine;
  std::string text = fmt::format(
      "{}: {} of {} there", by_zone ? "zone " + chosen.host->zone : name(chosen), mine, total_);
  if (by_zone && !chosen.host->name.empty()) text += ", on " + chosen.host->name;
  if (!chosen.kept.empty()) text += fmt::format(", where {} died", chosen.kept.front().text);
  if (&otherwise != &chosen && !otherwise.passed_over.empty())
    text += fmt::format("; not {}: {}", name(otherwise), otherwise.passed_over);
  return text;
}

std::string Spreading::why_none() const {
  int lost = 0, closed = 0;
  for (const Host& host : ladder_.hosts()) {
    lost += !host.is_up;
    closed += host.is_up && !host.is_open;
  }
  return fmt::format("no host takes instances: {} lost, {} closed", lost, closed);
}

std::string_view crowd_of(const Instance& i, SpreadOver spread) {
  switch (spread) {
    case SpreadOver::zones:
      return i.zone;
    case SpreadOver::hosts:
      return i.host;
    case SpreadOver::none:
      break;
  }
  return {};
}

}  // namespace utakata
