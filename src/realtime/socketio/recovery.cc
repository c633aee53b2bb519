#include "realtime/socketio/recovery.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace utakata::realtime {
namespace {

// A connection may be dead for a ping interval and timeout before that is known.
constexpr Duration kUnnoticed = 45s;

MessagePtr message_at(const Channels& channels, const std::string& channel,
                      const Position& position) {
  const Timeline* const timeline = channels.timeline(channel);
  if (!timeline || timeline->end().epoch != position.epoch) return nullptr;
  const auto found = timeline->after(position.offset - 1, 1);
  return found.empty() || found[0].offset != position.offset ? nullptr : found[0].message;
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

std::string Recovery::offset_of(std::uint64_t serial) const {
  return epoch_ + "-" + std::to_string(serial);
}

std::optional<std::uint64_t> Recovery::serial_of(std::string_view offset) const {
  if (!offset.starts_with(epoch_)) return std::nullopt;
  offset.remove_prefix(epoch_.size());
  if (!offset.starts_with('-')) return std::nullopt;
  std::uint64_t serial = 0;
  const auto [end, fault] =
      std::from_chars(offset.data() + 1, offset.data() + offset.size(), serial);
  if (fault != std::errc() || end != offset.data() + offset.size() || serial > last_)
    return std::nullopt;
  return serial;
}

std::string Recovery::append(std::string_view channel, const Position& position,
                             std::string but_sid, Instant now) {
  lines_.push_back({std::string(channel), std::move(but_sid), position, now});
  if (lines_.size() > limits_.messages) lines_.pop_front();
  return offset_of(++last_);
}

void Recovery::leaves(RecoverySeat seat, Instant now) {
  if (!is_on()) return;
  std::string pid = seat.pid;
  const std::size_t bytes = bytes_of(seat);
  oldest_.emplace(now, pid);
  Away& away = away_[std::move(pid)];
  bytes_ += bytes - away.bytes;
  away = {std::move(seat), now, bytes};
  while (away_.size() > limits_.clients || bytes_ > limits_.bytes) forget_oldest();
}

void Recovery::forget_oldest() {
  if (const auto away = away_.find(oldest_.begin()->second); away != away_.end()) {
    bytes_ -= away->second.bytes;
    away_.erase(away);
  }
  oldest_.erase(oldest_.begin());
}

std::optional<RecoverySeat> Recovery::take(const std::string& pid, std::string_view space,
                                           Instant now) {
  expire(now);
  const auto found = away_.find(pid);
  if (found == away_.end() || found->second.seat.space != space) return std::nullopt;
  auto [first, last] = oldest_.equal_range(found->second.at);
  oldest_.erase(std::find_if(first, last, [&](const auto& each) { return each.second == pid; }));
  RecoverySeat seat = std::move(found->second.seat);
  bytes_ -= found->second.bytes;
  away_.erase(found);
  return seat;
}

void Recovery::forget(const std::string& user) {
  std::erase_if(oldest_, [&](const auto& each) { return away_.at(each.second).seat.user == user; });
  std::erase_if(away_, [&](const auto& each) { return each.second.seat.user == user; });
}

std::optional<std::vector<Recovery::Missed>> Recovery::missed(
    const RecoverySeat& seat, const std::optional<std::string>& offset,
    const Channels& channels) const {
  const auto got = offset ? serial_of(*offset) : std::optional(seat.since);
  const std::uint64_t first = last_ + 1 - lines_.size();
  if (!got || *got + 1 < first) return std::nullopt;
  std::vector<Missed> missed;
  for (std::uint64_t serial = *got + 1; serial <= last_; ++serial) {
    const Line& line = lines_[serial - first];
    const auto read =
        std::ranges::find(seat.channels, line.channel, &RecoverySubscription::channel);
    if (read == seat.channels.end() || serial <= read->since || line.but_sid == seat.sid) continue;
    MessagePtr message = message_at(channels, line.channel, line.position);
    if (!message) return std::nullopt;
    missed.push_back({line.channel, offset_of(serial), std::move(message)});
  }
  return missed;
}

void Recovery::expire(Instant now) {
  while (!oldest_.empty() && now - oldest_.begin()->first > limits_.away) forget_oldest();
  while (!lines_.empty() && now - lines_.front().at > limits_.away + kUnnoticed) lines_.pop_front();
}

}  // namespace utakata::realtime
