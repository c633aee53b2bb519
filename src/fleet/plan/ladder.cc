#include "fleet/plan/ladder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {

const Host* Ladder::host_of(const Instance& i) const {
  const Host* made_there = nullptr;
  for (const Host& host : hosts_) {
    if (host.zone != i.zone) continue;
    if (host.name.empty())
      made_there = &host;
    else if (host.name == i.host)
      return &host;
  }
  return made_there;
}

bool Ladder::is_lost_with_host(const Instance& i) const {
  if (const Host* const host = host_of(i)) return !host->is_up;
  return !hosts_.empty() && !i.host.empty();
}

const Ladder::Trouble* Ladder::find(const Host& host) const {
  const auto found = std::ranges::find_if(
      troubles_, [&](const Trouble& t) { return t.host == host.name && t.zone == host.zone; });
  return found == troubles_.end() ? nullptr : &*found;
}

Ladder::Trouble& Ladder::trouble_of(const Host& host, Instant now) {
  std::erase_if(troubles_, [&](Trouble& t) {
    std::erase_if(t.young_deaths, [&](const Death& d) { return now - d.at > deaths_window; });
    std::erase_if(t.places, [&](const Death& d) { return now - d.at > place_kept; });
    if (t.until <= now) t.nevertheless.clear();
    return t.young_deaths.empty() && t.places.empty() && t.until <= now;
  });
  if (const Trouble* const known = find(host)) return troubles_[std::size_t(known - &troubles_[0])];
  troubles_.push_back({.host = host.name,
                       .zone = host.zone,
                       .young_deaths = {},
                       .places = {},
                       .until = {},
                       .nevertheless = {},
                       .why = {}});
  return troubles_.back();
}

void Ladder::died(const Instance& i, const std::string& why, Instant now) {
  const Host* const host = host_of(i);
  if (!host || host->name.empty()) return;  // the next one's machine is another
  Trouble& trouble = trouble_of(*host, now);
  const bool is_missed = i.lifecycle == Lifecycle::starting || i.lifecycle == Lifecycle::serving;
  if (is_missed) trouble.places.push_back({i.id, now});
  // Who ended while nobody watched may have served for long.
  const bool is_young = i.served_since && now - *i.served_since <= young;
  if (i.lifecycle != Lifecycle::starting && !is_young) return;
  trouble.young_deaths.push_back({i.id, now});
  if (int(trouble.young_deaths.size()) < deaths_max) return;
  trouble.until = std::max(trouble.until, now + passed_over_after_deaths);
  trouble.why = fmt::format("{} died young there, the last: {}", trouble.young_deaths.size(), why);
}

bool Ladder::launch_failed(const Instance& i, const std::string& why, Instant now) {
  const Host* const host = host_of(i);
  if (!host) return false;
  Trouble& trouble = trouble_of(*host, now);
  if (trouble.until < now + passed_over_after_failure) {
    trouble.until = now + passed_over_after_failure;
    trouble.why = "a launch failed there: " + why;
  }
  return std::erase(trouble.nevertheless, i.id) == 0 && has_room(now);
}

void Ladder::launched(const Instance& i, Instant now) {
  for (Trouble& t : troubles_) {
    if (t.host != i.host || t.zone != i.zone) continue;
    if (!t.places.empty()) t.places.erase(t.places.begin());
    if (now < t.until) t.nevertheless.push_back(i.id);
  }
}

std::string Ladder::passed_over(const Host& host, Instant now) const {
  const Trouble* const trouble = find(host);
  return trouble && now < trouble->until ? trouble->why : std::string();
}

// Some host takes launches and is not passed over.
bool Ladder::has_room(Instant now) const {
  return std::ranges::any_of(hosts_, [&](const Host& host) {
    return host.is_up && host.is_open && passed_over(host, now).empty();
  });
}

std::vector<InstanceId> Ladder::places_kept(const Host& host, Instant now) const {
  std::vector<InstanceId> ids;
  if (const Trouble* const trouble = find(host))
    for (const Death& death : trouble->places)
      if (now - death.at <= place_kept) ids.push_back(death.id);
  return ids;
}

}  // namespace utakata
