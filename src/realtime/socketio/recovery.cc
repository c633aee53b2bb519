#include "realtime/socketio/recovery.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "realtime/socketio/packet.h"

namespace utakata::realtime {
namespace {

bool is_of(std::string_view offset, const std::string& epoch) {
  return offset.starts_with(epoch) && offset.substr(epoch.size()).starts_with('-');
}

std::optional<std::uint64_t> number_of(std::string_view offset, const std::string& epoch) {
  if (!is_of(offset, epoch)) return std::nullopt;
  offset.remove_prefix(epoch.size() + 1);
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(offset.data(), offset.data() + offset.size(), number);
  if (fault != std::errc() || end != offset.data() + offset.size()) return std::nullopt;
  return number;
}

// With what it costs to keep it.
std::size_t bytes_of(const RecoverySeat& seat) {
  std::size_t bytes = 500;
  for (const RecoverySubscription& each : seat.channels)
    bytes += sizeof each + each.channel.size() +
             (each.member ? each.member->user.size() + each.member->info.size() : 0);
  return bytes;
}

}  // namespace

void Recovery::note_departure(RecoverySeat& seat, const Channels& channels) const {
  seat.left = channels.came();
  for (RecoverySubscription& each : seat.channels) {
    const Timeline* const timeline = channels.timeline(each.channel);
    each.told = timeline ? timeline->newest_for(seat.sid) : 0;
  }
}

void Recovery::leaves(RecoverySeat seat, Instant at) {
  if (!is_on()) return;
  std::string pid = seat.pid;
  const std::size_t bytes = bytes_of(seat);
  oldest_.emplace(at, pid);
  Away& away = away_[std::move(pid)];
  bytes_ += bytes - away.bytes;
  away = {std::move(seat), at, bytes};
  while (away_.size() > limits_.clients || bytes_ > limits_.bytes) forget_oldest();
}

void Recovery::forget_oldest() {
  if (const auto away = away_.find(oldest_.begin()->second); away != away_.end()) {
    bytes_ -= away->second.bytes;
    away_.erase(away);
  }
  oldest_.erase(oldest_.begin());
}

std::optional<Recovery::Away> Recovery::take(const std::string& pid, std::string_view space,
                                             Instant now) {
  expire(now);
  const auto found = away_.find(pid);
  if (found == away_.end() || found->second.seat.space != space) return std::nullopt;
  auto [first, last] = oldest_.equal_range(found->second.at);
  oldest_.erase(std::find_if(first, last, [&](const auto& each) { return each.second == pid; }));
  Away away = std::move(found->second);
  bytes_ -= away.bytes;
  away_.erase(found);
  return away;
}

void Recovery::forget(const std::string& user) {
  std::erase_if(oldest_, [&](const auto& each) { return away_.at(each.second).seat.user == user; });
  std::erase_if(away_, [&](const auto& each) {
    if (each.second.seat.user != user) return false;
    bytes_ -= each.second.bytes;
    return true;
  });
}

std::vector<Recovery::Away> Recovery::take_all(Instant now) {
  expire(now);
  std::vector<Away> all;
  for (auto& [pid, away] : std::exchange(away_, {})) all.push_back(std::move(away));
  oldest_.clear();
  bytes_ = 0;
  return all;
}

bool Recovery::settle(RecoverySeat& seat, const std::optional<std::string>& offset,
                      const Channels& channels) const {
  std::uint64_t got = 0;
  if (seat.at_least > 0) {
    const auto number = offset ? number_of(*offset, seat.of_epoch) : std::nullopt;
    if (!number || *number < seat.at_least) return false;
    seat.at_least = 0;
  } else if (offset && is_of(*offset, epoch_)) {
    const auto number = number_of(*offset, epoch_);
    if (!number || *number > channels.came()) return false;
    got = *number;
  }
  for (RecoverySubscription& each : seat.channels) {
    each.since = std::max(each.since, got);
    // Nothing of before was lost on the way, whether that is still kept or not.
    if (each.since >= each.told) each.since = std::max(each.since, seat.left);
  }
  return true;
}

std::optional<std::vector<Recovery::Missed>> Recovery::missed(const RecoverySeat& seat,
                                                              const Channels& channels) const {
  std::vector<Missed> missed;
  for (const RecoverySubscription& each : seat.channels) {
    const auto entries = channels.came_after(each.channel, each.since, seat.sid);
    if (!entries) return std::nullopt;
    for (const Timeline::Entry& entry : *entries)
      if (!is_reserved_event(entry.message->event))
        missed.push_back({each.channel, offset_of(entry.came), entry.came, entry.message});
  }
  std::ranges::sort(missed, {}, &Missed::came);
  return missed;
}

void Recovery::expire(Instant now) {
  while (!oldest_.empty() && now - oldest_.begin()->first > limits_.away) forget_oldest();
}

}  // namespace utakata::realtime
