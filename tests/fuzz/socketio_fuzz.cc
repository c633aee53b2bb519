// What two clients of Socket.IO send to a tenant, a line each: polls, posts and WebSocket messages.
// Whatever it is, all that anybody hears is a packet, a session that is over says no more, and who
// reads a channel is who subscribed to it, and was let in.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "realtime/socketio/app.h"
#include "realtime/socketio/session.h"
#include "wire/utf8.h"

namespace {

using namespace utakata;
using namespace utakata::realtime;

void must(bool holds) {
  if (!holds) std::abort();
}

// As a server would: sessions below, the tenant above them.
struct Tenant final : EngineOut, SocketIoOut {
  Tenant() {
    for (const ClientSlot client : {0, 1}) open(client);
  }
  void open(ClientSlot client) {
    gone[client] = false;
    const auto first = opened++ % 3 == 0 ? EngineTransport::websocket : EngineTransport::polling;
    sessions[client] = std::make_unique<EngineSession>(client, EngineOpen{.sid = "a"}, first,
                                                       EngineLimits{.waiting_bytes = 4096},
                                                       static_cast<EngineOut&>(*this), now);
    waits[client] = opened % 8 == 0;
    app.opens(client, now, waits[client]);
  }

  void heard(ClientSlot client, const EnginePacket& message) override {
    must(!gone[client]);
    if (message.is_binary)
      app.says_bytes(client, message.data, now);
    else
      app.says(client, message.data, now);
  }
  void answer_get(ClientSlot client, const std::string& body) override {
    must(!gone[client] && engine_packets(body).has_value());
  }
  void write(ClientSlot client, const EnginePacket& packet) override {
    must(!gone[client]);
    must(packet.is_binary || engine_packet(engine_text(packet.type, packet.data)) == packet);
  }
  void drop_websocket(ClientSlot client) override { must(!gone[client]); }
  void closed(ClientSlot client, const char*) override { must(!std::exchange(gone[client], true)); }

  void say(ClientSlot client, const std::string& text) override {
    const auto packet = packets.read(text);
    must(packet && socketio_text(*packet) == text);
    sessions[client]->say(text);
  }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string> attachments, std::optional<ClientSlot> but,
               bool) override {
    for (const ClientSlot client : *clients) {
      if (client == but) continue;
      say(client, text);
      for (const std::string& each : attachments) sessions[client]->say_bytes(each);
    }
  }
  void end(ClientSlot client, const std::string&) override { sessions[client]->close(now); }
  void publish(std::string_view channel, Message&& message, const Sender& sender) {
    const auto shared = std::make_shared<const Message>(std::move(message));
    const Position position =
        shared->attachments.empty() ? channels.publish(channel, shared, now) : Position();
    app.hears(channel, *shared, position, sender.client);
  }

  Instant now{std::chrono::hours{1}};
  int opened = 0, random = 0;
  std::array<bool, 2> gone{}, waits{};
  SocketIoPacketReader packets;
  Channels channels{{.has_timelines = true, .timeline = {.count = 3}},
                    [] { return std::string("e"); }};
  SocketIoApp app{
      {.key = {"key", ""}, .takes_client_events = true},
      {.namespaces = {"/b"}, .recovery = {.clients = 5}},
      channels,
      *this,
      {[this] { return std::to_string(random++); }, [this] { return std::to_string(random++); }},
      {.publish = [this](auto channel, auto&& message, const Sender& sender) {
        return publish(channel, std::move(message), sender), true;
      }}};
  std::array<std::unique_ptr<EngineSession>, 2> sessions;
};

void step(Tenant& tenant, ClientSlot client, char what, std::string_view rest) {
  EngineSession& session = *tenant.sessions[client];
  switch (what) {
    case 'g':
      return void(session.get());
    case 'p':
      if (!session.begin_post()) (void)session.end_post(rest, tenant.now);
      return;
    case 'h':
      return void(session.begin_post());
    case 'o':
      return void(session.websocket_opens(tenant.now));
    case 'b':
      return session.websocket_says_bytes(rest, tenant.now);
    case 'c':
      return session.websocket_closes();
    case 'r':
      return session.request_breaks();
    case 't':
      tenant.now += std::chrono::seconds{rest.size()};
      session.tick(tenant.now);
      return tenant.app.expire(tenant.now);
    case 'l':
      tenant.waits[client] = false;
      return tenant.app.lets_in(client, tenant.now);
    case 'n':
      return tenant.app.turns_away(client, "no");
    case 's':  // by the HTTP API, which takes JSON, and so no bytes that are not UTF-8
      if (!wire::is_utf8(rest)) return;
      return tenant.app.hears_as_user("ann", {.event = std::string(rest), .data = "1"}, {});
    case 'k':
      return tenant.app.cut_user("ann", tenant.now);
    default:
      return session.websocket_says(rest, tenant.now);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Tenant tenant;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (line.size() < 2) continue;
    tenant.now += std::chrono::milliseconds{200};
    step(tenant, ClientSlot(line[0] & 1), line[1], line.substr(2));
    tenant.channels.sync().tick(
        tenant.now, 20,
        {.has_readers = [](const std::string&) { return true; },
         .say = [&](const std::string& channel,
                    const std::string& changed) { tenant.app.hears_sync(channel, changed); }});
    for (const ClientSlot client : {0, 1}) {
      must(tenant.gone[client] == tenant.sessions[client]->is_closed());
      must(!tenant.waits[client] || tenant.channels.channels_of(client) == 0);
      if (!tenant.gone[client]) continue;  // it goes, and another one comes
      tenant.app.leaves(client, tenant.now);
      must(tenant.channels.channels_of(client) == 0);
      tenant.open(client);
    }
  }
  return 0;
}
