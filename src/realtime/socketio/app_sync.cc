// Sync channels, as channel/sync.h says clients use them.
#include <fmt/format.h>

#include "realtime/socketio/app.h"

namespace utakata::realtime {

SocketIoApp::Done SocketIoApp::sync_event(ClientSlot client, const SocketIoWhole& whole,
                                          const SocketIoSays& says) {
  const auto refuse = [](std::string why) {
    return problem(Problem::Kind::refused, std::move(why));
  };
  const int syncs_max = tenant_.syncs_per_second();
  if (++clients_[client].syncs > syncs_max)
    return refuse(fmt::format("{} states a second are allowed", syncs_max));
  if (!whole.attachments.empty()) return refuse("states are JSON, without binary data");
  const auto fields = members_.read_fields(says.data, tenant_.channels.sync.keys_of_owner);
  if (!fields) return std::unexpected(fields.error());
  if (const auto put = channels_.sync().put(says.channel, *fields, client); !put)
    return std::unexpected(put.error());
  return std::vector<Member>();
}

// Also that there is nothing: who was here before may think otherwise.
void SocketIoApp::sync_arrival(ClientSlot client, const std::string& space,
                               const std::string& channel) {
  if (!tenant_.takes_client_events || !channel_kind(channel).is_sync) return;
  out_.say(client, socketio_event(space, channel,
                                  {.event = std::string(sync_all_event),
                                   .data = channels_.sync().whole(channel)}));
}

// All of it must be heard by who reads slowly, too: the next holds only what changes then.
void SocketIoApp::hears_sync(std::string_view channel, const std::string& changed) {
  deliver(channel, {.event = std::string(sync_changes_event), .data = changed}, {}, {},
          std::nullopt, false);
}

}  // namespace utakata::realtime
