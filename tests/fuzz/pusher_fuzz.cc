// What two clients say to a tenant, a line each: whatever it is, all that anybody hears is JSON
// with an event, and who reads a channel is who subscribed to it. What is read of an event in one
// walk is what a whole reader of JSON finds in it.

#include <cstdlib>

#include "realtime/pusher/app.h"

namespace {

using namespace utakata;
using namespace utakata::realtime;

struct Judge final : PusherOut {
  void say(ClientSlot, std::string_view text) override {
    if (!reader.read(text)) std::abort();
  }
  void say_all(std::string_view, Readers clients, std::string_view text, std::optional<ClientSlot>,
               bool) override {
    if (!clients) return;
    for (const ClientSlot client : *clients) say(client, text);
  }
  void end(ClientSlot, int code, const std::string&) override {
    if (code < 4000 || code > 4999) std::abort();
  }
  PusherReader reader;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Judge judge;
  Instant now{std::chrono::hours{1}};
  Channels channels({.has_timelines = true, .timeline = {.count = 3}},
                    [] { return std::string("e"); });
  PusherApp* hearing = nullptr;
  PusherApp app({.id = "1",
                 .key = {"key", ""},
                 .takes_client_events = true,
                 .tells_subscription_counts = true},
                channels, judge,
                {.publish = [&](std::string_view channel, Message&& message, const Sender& sender) {
                  const auto shared = std::make_shared<const Message>(std::move(message));
                  hearing->hears(channel, *shared, channels.publish(channel, shared, now),
                                 sender.client);
                  return true;
                }});
  hearing = &app;
  for (const ClientSlot client : {0, 1}) app.opens(client, SocketId::of(1, client));
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (line.empty()) continue;
    now += std::chrono::milliseconds{200};
    const auto client = ClientSlot(line[0] & 1);
    if (line.size() == 1) {  // it goes, and another one comes
      app.leaves(client, now);
      if (app.channels().channels_of(client) != 0) std::abort();
      app.opens(client, SocketId::of(2, client));
    } else {
      const std::string_view text = line.substr(1);
      if (const auto event = client_event_in(text)) {
        const auto whole = judge.reader.read(text);
        if (!whole || event->name != whole->event || event->channel != whole->channel ||
            event->data != whole->data)
          std::abort();
      }
      app.says(client, text, now);
    }
    if (app.clients() != 2) std::abort();
    channels.sync().tick(
        now, 20,
        {.has_readers = [](const std::string&) { return true; },
         .say = [&](const std::string& channel,
                    const std::string& changed) { app.hears_sync(channel, changed); }});
    if (channels.sync().due()) std::abort();
  }
  return 0;
}
