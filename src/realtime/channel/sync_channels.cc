#include "realtime/channel/sync_channels.h"

#include <algorithm>

namespace utakata::realtime {

void SyncChannels::join(Peers peers) { peers_ = std::move(peers); }

SyncChannels::Channels::value_type& SyncChannels::open(std::string_view name) {
  auto known = channels_.find(name);
  if (known == channels_.end())
    known =
        channels_
            .try_emplace(std::string(name),
                         Channel{SyncState(limits_, peers_.precedes ? &peers_.precedes : nullptr)})
            .first;
  return *known;
}

// Also where nothing has changed and nothing is there: the tick closes it.
void SyncChannels::changed(Channels::value_type& channel) {
  const SyncState& state = channel.second.state;
  bytes_ += state.bytes() - channel.second.bytes;
  channel.second.bytes = state.bytes();
  if (channel.second.waits || (!state.has_changed() && !state.is_over())) return;
  channel.second.waits = true;
  waiting_.push_back(&channel);
  if (waiting_.size() == 1 && on_wait_) on_wait_();
}

Expected<void> SyncChannels::put(std::string_view name, const Fields& fields, ClientSlot client) {
  auto& channel = open(name);
  SyncState& state = channel.second.state;
  Expected<void> done;
  for (const auto& [key, value] : fields) {
    if (value == "null")
      state.remove(key, client);
    else if (bytes_ >= limits_.bytes_of_all)
      done = problem(Problem::Kind::refused, "All sync channels together are full.");
    else
      done = state.put(key, value, client);
    if (!done) break;
  }
  changed(channel);
  return done;
}

void SyncChannels::leaves(ClientSlot client, std::string_view name) {
  const auto known = channels_.find(name);
  if (known == channels_.end()) return;
  known->second.state.remove_all_of(client);
  changed(*known);
}

std::string SyncChannels::whole(std::string_view name) const {
  const auto known = channels_.find(name);
  return known == channels_.end() ? "{}" : known->second.state.whole();
}

void SyncChannels::put_elsewhere(Process process, std::string_view name, std::string_view key,
                                 std::string_view value) {
  auto& channel = open(name);
  channel.second.state.put_elsewhere(process, key, value);
  changed(channel);
}

void SyncChannels::remove_elsewhere(Process process, std::string_view name, std::string_view key) {
  const auto known = channels_.find(name);
  if (known == channels_.end()) return;
  known->second.state.remove_elsewhere(process, key);
  changed(*known);
}

void SyncChannels::forget(Process process) {
  for (auto& channel : channels_) {
    channel.second.state.forget(process);
    changed(channel);
  }
}

void SyncChannels::each_elsewhere(
    Process process,
    const std::function<void(const std::string&, const std::string&)>& take) const {
  for (const auto& [name, channel] : channels_)
    channel.state.each_elsewhere(process, [&](const std::string& key) { take(name, key); });
}

void SyncChannels::each_own(const std::function<void(const std::string&, const std::string&,
                                                     const std::string&)>& take) const {
  for (const auto& [name, channel] : channels_)
    channel.state.each_own(
        [&](const std::string& key, const std::string* value) { take(name, key, *value); });
}

std::optional<Instant> SyncChannels::due() const {
  return waiting_.empty() ? std::nullopt : std::optional(next_);
}

void SyncChannels::tick(Instant now, int ticks_per_second, const Ears& ears) {
  if (waiting_.empty() || now < next_) return;
  const Duration every = Duration(1s) / std::clamp(ticks_per_second, 1, 60);
  // In step with the clock while it is called in time, and no burst after it was not.
  next_ = now - next_ < every ? next_ + every : now + every;
  // Who is told may go because of it: then the channel waits again.
  for (auto* const each : std::exchange(waiting_, {})) {
    auto& [name, channel] = *each;
    channel.waits = false;
    const std::string changed = channel.state.tick(ears.has_readers(name));
    if (peers_.say)
      channel.state.take_own_changes(
          [&](const std::string& key, const std::string* value) { peers_.say(name, key, value); });
    if (!changed.empty()) ears.say(name, changed);
    if (!channel.waits && channel.state.is_over()) channels_.erase(channels_.find(name));
  }
}

}  // namespace utakata::realtime
