#include "fleet/plan/host_loss.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace utakata {
namespace {

struct Lost {
  std::string host, zone;
  int hosts = 1, instances = 0;
  long long clients = 0;
};

bool is_same(const Host& a, const std::string& host, const std::string& zone) {
  return a.name == host && a.zone == zone;
}

bool has_host_left(const std::string& zone, const std::vector<Host>& hosts) {
  return std::ranges::any_of(hosts, [&](const Host& h) { return h.zone == zone && h.is_up; });
}

std::string with(const Lost& lost, const std::string& cluster) {
  return fmt::format("with {} of {}, {}", plural(lost.instances, "instance"), cluster,
                     plural(lost.clients, "client"));
}

}  // namespace

std::vector<Outcome> HostLoss::see(const Fleet& fleet, const Ladder& ladder) {
  const std::vector<Host>& hosts = ladder.hosts();
  std::vector<Outcome> outcomes;
  const auto say = [&](const char* kind, std::string because) {
    outcomes.push_back({.instance = {}, .kind = kind, .because = std::move(because), .cut = {}});
  };
  std::erase_if(told_, [&](const Host& told) {  // its machine was taken away for good
    return std::ranges::none_of(hosts,
                                [&](const Host& h) { return is_same(h, told.name, told.zone); }) &&
           std::ranges::none_of(fleet.instances,
                                [&](const Instance& i) { return is_same(told, i.host, i.zone); });
  });
  std::erase_if(told_, [&](const Host& told) {
    const bool is_back = std::ranges::any_of(
        hosts, [&](const Host& h) { return h.is_up && is_same(h, told.name, told.zone); });
    if (is_back)
      say("host_back",
          fmt::format("{} is back", told.name.empty() ? "zone " + told.zone : "host " + told.name));
    return is_back;
  });
  std::vector<Lost> lost;
  for (const Instance& i : fleet.instances) {
    if (i.lifecycle == Lifecycle::gone || !ladder.is_lost_with_host(i)) continue;
    const Host* const listed = ladder.host_of(i);
    const std::string& name = listed ? listed->name : i.host;
    if (std::ranges::any_of(told_, [&](const Host& h) { return is_same(h, name, i.zone); }))
      continue;
    auto one = std::ranges::find_if(
        lost, [&](const Lost& l) { return l.host == name && l.zone == i.zone; });
    if (one == lost.end()) one = lost.insert(lost.end(), {.host = name, .zone = i.zone});
    ++one->instances;
    one->clients += i.count ? i.count->connections : 0;
  }
  for (const Lost& one : lost)
    told_.push_back({.name = one.host, .zone = one.zone, .is_up = false});
  std::vector<Lost> zones;
  for (const Lost& one : lost) {
    if (one.zone.empty() || has_host_left(one.zone, hosts)) {
      say("host_lost", fmt::format("host {} is lost {}", one.host, with(one, fleet.spec.name)));
      continue;
    }
    const auto zone = std::ranges::find(zones, one.zone, &Lost::zone);
    if (zone == zones.end()) {
      zones.push_back(one);
      continue;
    }
    ++zone->hosts;
    zone->instances += one.instances;
    zone->clients += one.clients;
  }
  for (const Lost& zone : zones)
    say("zone_lost", fmt::format("zone {} is lost, {} {}", zone.zone,
                                 zone.hosts == 1 && !zone.host.empty() ? "host " + zone.host
                                                                       : plural(zone.hosts, "host"),
                                 with(zone, fleet.spec.name)));
  return outcomes;
}

}  // namespace utakata
