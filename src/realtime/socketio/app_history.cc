// Pages of timelines, for clients that ask for them.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "realtime/socketio/app.h"

namespace utakata::realtime {

void SocketIoApp::history(ClientSlot client, const SocketIoPacket& asked, const SocketIoSays& says,
                          Instant now) {
  if (!asked.ack) return;
  const auto page = page_for(client, says, now);
  out_.say(client, page ? socketio_page(asked, *page) : socketio_failed(asked, page.error().what));
}

Expected<Page> SocketIoApp::page_for(ClientSlot client, const SocketIoSays& says, Instant now) {
  const auto refuse = [](std::string why) {
    return problem(Problem::Kind::refused, std::move(why));
  };
  if (++counted(client, now).events > tenant_.client_events_per_second)
    return refuse(fmt::format("{} client events or pages a second are allowed",
                              tenant_.client_events_per_second));
  if (!channels_.reads(client, says.channel)) return refuse("not subscribed to that channel");
  const auto asked = page_asked(says.page);
  if (!asked) return std::unexpected(asked.error());
  auto page = channels_.page(says.channel, *asked, now);
  if (!page) return page;
  for (Timeline::Entry& each : page->messages)
    if (each.message->is_packed)
      each.message = std::make_shared<const Message>(unpack(*each.message));
  return page;
}

}  // namespace utakata::realtime
