// Sync channels, as channel/sync.h says clients use them.
#include <fmt/format.h>

#include <utility>

#include "realtime/pusher/app.h"

namespace utakata::realtime {

void PusherApp::sync_event(ClientSlot client, const ClientEvent& said) {
  const auto refuse = [&](const std::string& why) {
    out_.say(client, say_error(pusher_code::too_many_events, why));
  };
  const int syncs_max = spec_.syncs_per_second();
  if (++clients_[client].syncs > syncs_max)
    return refuse(fmt::format("{} states a second are allowed.", syncs_max));
  const auto fields = reader_.read_fields(said.data, spec_.channels.sync.keys_of_owner);
  if (!fields) return refuse(fields.error().what);
  if (const auto put = channels_.sync().put(said.channel, *fields, client); !put)
    refuse(put.error().what);
}

// Also that there is nothing: who was here before may think otherwise.
void PusherApp::sync_arrival(ClientSlot client, const std::string& channel) {
  if (!spec_.takes_client_events) return;
  out_.say(client, say_event(channel, {.event = std::string(sync_all_event),
                                       .data = channels_.sync().whole(channel)}));
}

// All of it must be heard by who reads slowly, too: the next holds only what changes then.
void PusherApp::hears_sync(std::string_view channel, const std::string& changed) {
  Readers readers = channels_.readers(channel);
  if (!readers || readers->empty()) return;
  out_.say_all(channel, std::move(readers),
               say_event(channel, {.event = std::string(sync_changes_event), .data = changed}),
               std::nullopt, false);
}

}  // namespace utakata::realtime
