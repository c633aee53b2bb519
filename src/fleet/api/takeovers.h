// Who may place what, where several controllers run a stack: while nobody knows whose a cluster is,
// and right after it has become ours. Pure: no clock, no I/O; one thread, `now` never goes back.
// The Api goes by it, and so do the controllers of made-up days.
//
// A ledger is as good as what it was made of. One that was taken up in one tenure ends with it: as
// soon as another has had the cluster what was placed meanwhile is not in it. The next one begins
// with what the former owner told; else with what an earlier life, or tenure, of ours knew; and
// where that cannot be all, nobody is placed on the instances found until all holds have ended.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "fleet/model/placement.h"
#include "fleet/owner/owners.h"

namespace utakata {

class Takeovers {
 public:
  // What the former owner of a cluster that is ours now has told us of it.
  enum class Told {
    none,    // or not whole
    some,    // of an owner before that one
    coming,  // it may still be telling
    all
  };

  // None: there is no other controller, and everything is ours. Outlives this.
  explicit Takeovers(const Owners* owners) : owners_(owners) {}

  // Each tenth of a second. Who stood still for more than one does not know whose what is before
  // it has heard: two seconds.
  void tick(Instant now);
  bool is_unsure(Instant now) const;

  void turn();  // owners may have changed
  // The next owner has told us itself that it has the cluster, before we hear of it from elsewhere.
  void hand_over(const std::string& cluster) { handed_over_.insert(cluster); }
  // What was taken up of it is not all any more.
  bool is_over(std::string_view cluster) const;
  // Another answers for it, or will: a request is sent on, or waits. `has_ledger`: we have one.
  bool is_elsewhere(std::string_view cluster, bool has_ledger, Instant now) const;

  // The first view of a cluster that has no ledger yet. `tells`: the stream of its former owner has
  // not ended. Waits, with the view kept, while that one may have more to tell and while nobody
  // has been counted, but for no longer than a second.
  struct Beginning {
    bool is_new = false;  // of this tenure: the former owner is to be told
    bool waits = false;
  };
  Beginning begin(const std::shared_ptr<const PlacementView>& view, Told told, bool tells,
                  Instant now);
  // Views that waited, to be offered again: their former owner's stream has ended, or time passes.
  std::vector<std::shared_ptr<const PlacementView>> kept();

  // What its ledger is made of. `knows_past`: an earlier life or tenure of ours left something of
  // this cluster; `has_past`: it left anything at all, or there was none.
  struct Source {
    bool is_copy = false;     // of what the former owner told; else what we knew ourselves, if
                              // anything
    bool is_complete = true;  // else what is held on the instances found is not known
  };
  Source take_up(const std::string& cluster, Told told, bool knows_past, bool has_past);

 private:
  struct Begun {
    std::int64_t tenure = 0;
    Instant at{};
  };
  bool has_overslept(Instant now) const;
  Ownership owner_of(std::string_view cluster) const;

  const Owners* const owners_;
  Instant ticked_{}, unsure_until_{};
  std::set<std::string, std::less<>> handed_over_;
  std::map<std::string, std::int64_t, std::less<>> tenures_;  // in which they were taken up
  std::map<std::string, Begun> begun_;
  std::map<std::string, std::shared_ptr<const PlacementView>> kept_;
};

}  // namespace utakata
