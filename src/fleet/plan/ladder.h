// The healing ladder of one cluster, where the provider has several hosts. Pure; owned by the
// cluster's Planner, and not recorded: the next life begins on the lowest rung.
//
//   one died, unasked for             its substitute is launched in its place: on the same host
//   two died young there in 2 min     that host is passed over for 5 min
//   a launch failed there             passed over for 1 min, at once
//   one is silent there               passed over as long as it is (spread.h)
//
// A host that is passed over still takes what fits nowhere else. Who dies with its host is no
// trouble of that host: it takes launches as ever when it is back.
#pragma once

#include <string>
#include <vector>

#include "base/instant.h"
#include "fleet/model/host.h"
#include "fleet/model/instance.h"

namespace utakata {

class Ladder {
 public:
  static constexpr Duration young{60s};  // the boot of a slow server and its first clients
  static constexpr int deaths_max = 2;   // one may be chance: the second says where
  static constexpr Duration deaths_window{120s};
  static constexpr Duration passed_over_after_deaths{300s};  // an operator looks, or it restarts
  static constexpr Duration passed_over_after_failure{60s};  // room is made, an image is pulled
  static constexpr Duration place_kept{60s};                 // for the substitute

  void see(const std::vector<Host>& hosts) { hosts_ = hosts; }
  const std::vector<Host>& hosts() const { return hosts_; }
  // The one it runs on, or the zone of machines that are made with their instances; none: it was
  // not told, or is not listed any more.
  const Host* host_of(const Instance& instance) const;
  // It has been on a host that is lost or not listed any more: its death is that host's.
  bool is_lost_with_host(const Instance& instance) const;

  void died(const Instance& instance, const std::string& why, Instant now);  // unasked for
  // True: another host is to be tried before it is held against the version. Not of one that was
  // launched there although the host was passed over: nothing better was left.
  bool launch_failed(const Instance& instance, const std::string& why, Instant now);
  void launched(const Instance& instance, Instant now);  // a kept place is taken

  // Why launches go elsewhere: "2 died young there, the last: exit code 1"; empty: they do not.
  std::string passed_over(const Host& host, Instant now) const;
  // Whose places are kept there, in the order of their deaths.
  std::vector<InstanceId> places_kept(const Host& host, Instant now) const;

 private:
  struct Death {
    InstanceId id;
    Instant at{};
  };
  struct Trouble {
    std::string host, zone;
    std::vector<Death> young_deaths, places;
    Instant until{};                       // passed over
    std::vector<InstanceId> nevertheless;  // launched there meanwhile
    std::string why;
  };
  Trouble& trouble_of(const Host& host, Instant now);
  const Trouble* find(const Host& host) const;
  bool has_room(Instant now) const;

  std::vector<Host> hosts_;
  std::vector<Trouble> troubles_;  // of few hosts: those that had any lately
};

}  // namespace utakata
