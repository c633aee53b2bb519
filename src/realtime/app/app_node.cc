// An App among the servers of a Node cluster.
#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "realtime/app/app.h"

namespace utakata::realtime {

void App::hears(const NodeBroadcast& broadcast) {
  socketio_.hears(broadcast);
  const auto& to = broadcast.to;
  if (broadcast.space != "/" || to.rooms.empty() || !broadcast.attachments.empty()) return;
  if (pusher_.clients() == 0) return;
  std::vector<ClientSlot> but;
  for (const auto& room : to.except) {
    if (const auto client = pusher_.client_of(room)) but.push_back(*client);
    if (const Readers readers = channels_.readers(room))
      but.insert(but.end(), readers->begin(), readers->end());
  }
  std::ranges::sort(but);
  const Message message = node_message(broadcast);
  for (const auto& room : to.rooms) {
    const Readers readers = channels_.readers(room);
    if (!readers) continue;
    if (but.empty()) {
      pusher_.hears(room, message, readers);
      continue;
    }
    auto rest = std::make_shared<std::vector<ClientSlot>>();
    std::ranges::set_difference(*readers, but, std::back_inserter(*rest));
    pusher_.hears(room, message, std::move(rest));
  }
}

void App::tell_node(std::string_view channel, const Message& message, const Sender& sender) {
  if (!tell_node_) return;
  NodeBroadcast broadcast{.to = {.rooms = {std::string(channel)}},
                          .json = socketio_.arguments_of(channel, message),
                          .attachments = message.attachments};
  // Who asked the API not to be told may be a Node server's client.
  if (!sender.client && !sender.id.empty()) broadcast.to.except = {std::string(sender.id)};
  tell_node_(std::move(broadcast));
}

}  // namespace utakata::realtime
