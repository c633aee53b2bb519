// What a client of Socket.IO may emit here, and how what happens on a channel is told to it: JSON
// of packets in, values out, and back. Pure.
//
//   emit("subscribe", channel, {auth?, channel_data?})   ack: {"ok":true,"members"?:[...]}
//   emit("unsubscribe", channel)                         ack: {"ok":true}
//   emit("client-xyz", channel, data)                    ack: {"ok":true}
//   emit("history", channel, {limit?, before?, after?})  ack: {"ok":true, ...page} (page.h)
//   emit("signin", {auth, user_data})                    ack: {"ok":true}
//   any failure                                          ack: {"ok":false,"error":"..."}
//   on(event, (data, {channel, user_id?}, offset?) => ...)
//   on(event, (data, {user: true}) => ...)               said to the user, on no channel
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/message.h"
#include "realtime/channel/page.h"
#include "realtime/socketio/packet.h"

namespace utakata::realtime {

struct SocketIoSays {
  enum class Kind : std::uint8_t {
    subscribe,
    unsubscribe,
    client_event,
    history,
    sign_in,
    unknown
  };
  Kind kind = Kind::unknown;
  std::string event{};         // its name
  std::string channel{};       // empty: none was named
  std::string auth{};          // of subscribe and sign_in, as Pusher signs it: "key:signature"
  std::string channel_data{};  // of subscribe: a JSON text, as it was signed
  std::string user_data{};     // of sign_in: the same
  std::string data = "null";   // of a client event: a JSON value, as it came
  PageWords page{};            // of history
};

struct SocketIoAsks {  // of a connect: to go on where it stood
  std::string pid{};   // empty: it does not
  std::optional<std::string> offset{};
};

// Reads the JSON of packets that are whole and right; keeps its memory.
class SocketIoReader {
 public:
  SocketIoReader();
  ~SocketIoReader();
  SocketIoSays read(std::string_view event_json);
  SocketIoAsks read_connect(std::string_view json);
  // What is in a text, where that is JSON; the same, where it is not.
  std::string unpacked(const std::string& json_text);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// A message of a channel as the JSON of an event: [event, data, {channel, user_id?}, offset?].
std::string socketio_arguments(std::string_view channel, const Message& message,
                               std::string_view offset = {});
// The same as an event in a namespace. `offset`: what the client brings when it comes
// again; empty: none. `attachments`: how many the data speaks of. Each is a whole packet.
std::string socketio_event(std::string_view space, std::string_view channel, const Message& message,
                           std::string_view offset = {}, std::size_t attachments = 0);
// The same of what is said to a user: no channel is named.
std::string socketio_user_event(std::string_view space, const Message& message);
std::string socketio_connected(std::string_view space, std::string_view sid, std::string_view pid);
std::string socketio_refused(std::string_view space, std::string_view message);
std::string socketio_done(const SocketIoPacket& asked, std::span<const Member> members = {});
std::string socketio_page(const SocketIoPacket& asked, const Page& page);
std::string socketio_failed(const SocketIoPacket& asked, std::string_view error);

// Events that tell who is on a presence channel; their data is {"user_id","user_info"?}.
inline constexpr std::string_view socketio_member_added = "member_added";
inline constexpr std::string_view socketio_member_removed = "member_removed";
inline constexpr std::string_view socketio_subscription_count = "subscription_count";
std::string member_json(const Member& member);

}  // namespace utakata::realtime
