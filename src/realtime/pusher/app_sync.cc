// Sync channels, as channel/sync.h says clients use them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "realtime/pusher/app.h"

namespace utakata::realtime {

void PusherApp::sync_event(ClientSlot client, const PusherSays& says) {
  const auto refuse = [&](const std::string& why) {
    out_.say(client, say_error(pusher_code::too_many_events, why));
  };
  // Twice as often as others hear of it: a client whose own clock beats unevenly is not refused.
  const int syncs_max = 2 * std::clamp(spec_.sync_hz, 1, 60);
  if (++clients_[client].syncs > syncs_max)
    return refuse(fmt::format("{} states a second are allowed.", syncs_max));
  const auto fields = reader_.read_fields(says.data, spec_.sync.keys_of_owner);
  if (!fields) return refuse(fields.error().what);
  SyncState& state = sync_.try_emplace(says.channel, spec_.sync).first->second;
  for (const auto& [key, value] : *fields) {
    if (value == "null") {
      state.remove(key, client);
    } else if (const auto put = state.put(key, value, client); !put) {
      refuse(put.error().what);
      break;
    }
  }
  if (state.is_over()) sync_.erase(says.channel);
}

void PusherApp::sync_arrival(ClientSlot client, const std::string& channel) {
  const auto state = sync_.find(channel);
  if (state == sync_.end()) return;
  if (std::string whole = state->second.whole(); !whole.empty())
    out_.say(client, say_event(channel, {.event = "utakata:sync_all", .data = std::move(whole)}));
}

void PusherApp::sync_departure(ClientSlot client, const std::string& channel) {
  if (const auto state = sync_.find(channel); state != sync_.end())
    state->second.remove_owner(client);
}

void PusherApp::tick(Instant now) {
  if (now < next_sync_) return;
  const Duration every = Duration(1s) / std::clamp(spec_.sync_hz, 1, 60);
  // In step with the clock while it is called in time, and no burst after it was not.
  next_sync_ = now - next_sync_ < every ? next_sync_ + every : now + every;
  for (auto each = sync_.begin(); each != sync_.end();) {
    auto& [channel, state] = *each;
    // All of it must be heard by who reads slowly, too: the next holds only what changes then.
    if (std::string changed = state.tick(); !changed.empty())
      out_.say_all(channel, channels_.readers(channel),
                   say_event(channel, {.event = "utakata:sync", .data = std::move(changed)}),
                   std::nullopt, false);
    each = state.is_over() ? sync_.erase(each) : std::next(each);
  }
}

}  // namespace utakata::realtime
