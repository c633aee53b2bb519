// Pages of timelines, for clients that ask for them.
#include <fmt/format.h>

#include "realtime/pusher/app.h"

namespace utakata::realtime {

void PusherApp::history(ClientSlot client, const PusherSays& says, Instant now) {
  const auto refuse = [&](const std::string& why) {
    out_.say(client, say_error(pusher_code::too_many_events, why));
  };
  if (++counted(client, now).events > spec_.client_events_per_second)
    return refuse(fmt::format("{} client events or pages a second are allowed.",
                              spec_.client_events_per_second));
  if (!channels_.reads(client, says.channel)) return refuse("Subscribe to the channel first.");
  const auto asked = page_asked(says.page);
  if (!asked) return refuse(asked.error().what);
  const auto page = channels_.page(says.channel, *asked, now);
  if (!page) return refuse(page.error().what);
  out_.say(client, say_history(says.channel, *page));
}

}  // namespace utakata::realtime
