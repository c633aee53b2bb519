#include "fleet/owner/owner_table.h"

#include <utility>

namespace utakata {

void OwnerTable::know(std::map<std::string, OwnerRow, std::less<>> owners,
                      std::map<std::string, std::string, std::less<>> url_of_controller,
                      std::int64_t as_of, Instant now) {
  std::vector<std::string> gone;
  for (const auto& [cluster, seat] : seats_)
    if (!owners.contains(cluster)) gone.push_back(cluster);
  for (const std::string& cluster : gone) know_owner(cluster, std::nullopt, as_of, now);
  for (auto& [cluster, row] : owners) know_owner(cluster, std::move(row), as_of, now);
  std::erase_if(controllers_,
                [&](const auto& one) { return !url_of_controller.contains(one.first); });
  for (auto& [name, url] : url_of_controller) know_controller(name, std::move(url), now);
}

void OwnerTable::know_owner(const std::string& cluster, std::optional<OwnerRow> row,
                            std::int64_t as_of, Instant now) {
  Seat& seat = seats_[cluster];
  if (seat.row && as_of < seat.row->fence) return;
  if (row == seat.row) return;
  if (!row) seat.empty_since = now;
  // Of ours, took() knows more.
  if (row && row->life == options_.life) return;
  seat = {.row = std::move(row), .empty_since = seat.empty_since};
}

void OwnerTable::know_controller(const std::string& name, std::optional<std::string> url,
                                 Instant now) {
  if (name == options_.name) return;
  if (!url) {
    controllers_.erase(name);
    return;
  }
  const auto [other, is_new] = controllers_.try_emplace(name, Other{*url, now});
  if (!is_new) other->second.url = *url;
}

TenureRow OwnerTable::tenure_after(const TenureRow& before) const {
  if (before.life == options_.life) return before;
  return {.controller = options_.name,
          .life = options_.life,
          .tenure = before.tenure + 1,
          .is_inherited = before.tenure == 0 || before.controller == options_.name};
}

void OwnerTable::took(const std::string& cluster, const OwnerRow& row, const TenureRow& tenure) {
  seats_[cluster] = {.row = row, .tenure = tenure.tenure, .is_inherited = tenure.is_inherited};
}

void OwnerTable::lost_lease() {
  until_ = {};
  for (auto& [cluster, seat] : seats_)
    if (seat.row && seat.row->life == options_.life) seat.row.reset();
}

void OwnerTable::gives_back(const std::string& cluster) { seats_[cluster].is_given_back = true; }

std::vector<OwnerStep> OwnerTable::steps(Instant now) {
  std::vector<OwnerStep> steps;
  if (now >= until_) return steps;
  for (const auto& [cluster, prefers] : wanted_) {
    auto [place, is_new] = seats_.try_emplace(cluster);
    Seat& seat = place->second;
    if (is_new) seat.empty_since = now;
    const auto preferred = controllers_.find(prefers);  // never ourselves
    if (!seat.row) {
      const bool waits = preferred != controllers_.end() && now - seat.empty_since < options_.wait;
      if (!waits) steps.push_back({.kind = OwnerStep::Kind::take, .cluster = cluster});
    } else if (is_mine(seat) && preferred != controllers_.end() &&
               now - preferred->second.since >= options_.stable) {
      steps.push_back({.kind = OwnerStep::Kind::give_back,
                       .cluster = cluster,
                       .fence = seat.row->fence,
                       .to = prefers});
    }
  }
  return steps;
}

Ownership OwnerTable::of(std::string_view cluster, Instant now) const {
  const auto place = seats_.find(cluster);
  if (place == seats_.end() || !place->second.row) return {};
  const Seat& seat = place->second;
  if (seat.row->life != options_.life)
    return {
        .kind = Ownership::Kind::others, .controller = seat.row->controller, .url = seat.row->url};
  if (!is_mine(seat) || now >= until_) return {};
  return {.kind = Ownership::Kind::ours,
          .tenure = seat.tenure,
          .is_inherited = seat.is_inherited,
          .controller = options_.name,
          .url = url_};
}

std::optional<std::int64_t> OwnerTable::fence(std::string_view cluster, Instant now) const {
  const auto place = seats_.find(cluster);
  if (place == seats_.end() || !is_mine(place->second) || now >= until_) return std::nullopt;
  return place->second.row->fence;
}

std::vector<Controller> OwnerTable::others() const {
  std::vector<Controller> all;
  for (const auto& [name, other] : controllers_) all.push_back({name, other.url});
  return all;
}

}  // namespace utakata
