#include "fleet/api/takeovers.h"

#include <algorithm>
#include <utility>

namespace utakata {
namespace {

constexpr Duration overslept_after{1s}, unsure_for{2s};
// Who is there ends what it tells within a round trip; who stands still, or is cut off, does not.
constexpr Duration stands_still_after{300ms}, patience{1s};

}  // namespace

Ownership Takeovers::owner_of(std::string_view cluster) const {
  if (!owners_) return {.kind = Ownership::Kind::ours, .is_inherited = true};
  return owners_->of(cluster);
}

void Takeovers::tick(Instant now) {
  if (has_overslept(now)) unsure_until_ = now + unsure_for;
  ticked_ = now;
}

// Frozen, say: whoever came meanwhile is not answered before it is known whose the cluster is now.
bool Takeovers::has_overslept(Instant now) const {
  return owners_ && ticked_ != Instant{} && now - ticked_ > overslept_after;
}

bool Takeovers::is_unsure(Instant now) const {
  return owners_ && (has_overslept(now) || now < unsure_until_);
}

void Takeovers::turn() {
  std::erase_if(handed_over_, [&](const std::string& cluster) {
    return owner_of(cluster).kind != Ownership::Kind::nobody;
  });
}

bool Takeovers::is_over(std::string_view cluster) const {
  const Ownership owner = owner_of(cluster);
  if (owner.kind != Ownership::Kind::ours) return owner.kind == Ownership::Kind::others;
  // Another had it while we had lost sight of the owners, and is gone again.
  const auto taken_up = tenures_.find(cluster);
  return taken_up != tenures_.end() && taken_up->second != owner.tenure;
}

bool Takeovers::is_elsewhere(std::string_view cluster, bool has_ledger, Instant now) const {
  if (!owners_) return false;
  const Ownership::Kind owner = owners_->of(cluster).kind;
  if (owner == Ownership::Kind::others) return true;
  if (owner == Ownership::Kind::nobody && (is_unsure(now) || handed_over_.contains(cluster)))
    return true;
  // Without a known owner we go on with what we have: others may have lost sight of the owners too.
  if (has_ledger) return is_over(cluster);
  const auto wanted = owners_->wanted();  // none: we have only just begun
  return wanted.empty() || std::ranges::find(wanted, cluster) != wanted.end();
}

Takeovers::Beginning Takeovers::begin(const std::shared_ptr<const PlacementView>& view, Told told,
                                      bool tells, Instant now) {
  if (!owners_) return {};
  const std::string& cluster = view->cluster;
  const Ownership ownership = owner_of(cluster);
  const auto [begun, is_first] = begun_.try_emplace(cluster, Begun{ownership.tenure, now});
  const bool is_new = is_first || begun->second.tenure != ownership.tenure;
  if (is_new) begun->second = {ownership.tenure, now};
  const Duration waited = now - begun->second.at;
  tells = tells && !ownership.is_inherited;
  const bool is_coming = tells && (told == Told::coming || waited < stands_still_after);
  // Nor are those who wait refused because nobody has been counted yet.
  const bool is_counted =
      view->instances.empty() || std::ranges::any_of(view->instances, &Placeable::count_known);
  if ((!is_coming && is_counted) || waited > patience) {
    begun_.erase(begun);
    kept_.erase(cluster);
    return {.is_new = is_new && tells};
  }
  kept_[cluster] = view;
  return {.is_new = is_new && tells, .waits = true};
}

std::vector<std::shared_ptr<const PlacementView>> Takeovers::kept() {
  std::vector<std::shared_ptr<const PlacementView>> views;
  for (auto& [cluster, view] : std::exchange(kept_, {})) views.push_back(std::move(view));
  return views;
}

Takeovers::Source Takeovers::take_up(const std::string& cluster, Told told, bool knows_past,
                                     bool has_past) {
  const Ownership ownership = owner_of(cluster);
  tenures_[cluster] = ownership.tenure;
  if (!ownership.is_inherited) {
    // What was heard counts, be it not all: a room that is known to be somewhere stays there. Of
    // whom we never heard, we may have known something before.
    return {.is_copy = told != Told::none, .is_complete = told == Told::all};
  }
  // An earlier life of ours had it, and ended before it was told what was in it.
  const bool is_empty_handed = !knows_past && ownership.tenure > 1;
  return {.is_copy = false, .is_complete = has_past && !is_empty_handed};
}

}  // namespace utakata
