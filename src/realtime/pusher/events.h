// What a client of Pusher Channels says and hears (protocol 7, "Pusher Channels Protocol"): texts
// of WebSocket messages in, values out, and back. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/channels.h"
#include "realtime/channel/json_text.h"
#include "realtime/channel/message.h"
#include "realtime/channel/page.h"

namespace utakata::realtime {

struct PusherSays {
  enum class Kind : std::uint8_t {
    ping,
    pong,
    subscribe,
    unsubscribe,
    sign_in,
    history,  // ours: a page of a channel's timeline
    event,
    unknown
  };
  Kind kind = Kind::unknown;
  std::string event;                // its name
  std::string channel;              // empty: none was named
  std::string auth;                 // of subscribe and sign_in
  std::string channel_data;         // of subscribe: a JSON text, as it was signed
  std::string user_data;            // of sign_in: the same
  std::string data;                 // of an event: a JSON value, as it came
  bool wants_recovery = false;      // of subscribe: `recover` is there
  std::optional<Position> since{};  // what it says of where it stood
  PageWords page{};                 // of history
};

// What a client says to the others of a channel. Views; data: a JSON value as it came, or nothing.
struct ClientEvent {
  std::string_view name, channel, data;
};
// In one walk without a copy, since it comes most often. None: it is something else, or only a
// PusherReader can tell.
std::optional<ClientEvent> client_event_in(std::string_view text);

// Reads one text after another; keeps its memory. Problem `invalid`: not JSON, or not an object
// with a text `event`.
class PusherReader {
 public:
  PusherReader();
  ~PusherReader();
  Expected<PusherSays> read(std::string_view text);
  // `user_id` and `user_info` of a channel_data, or `id` of a user_data. A number is an id, too.
  Expected<Member> read_member(std::string_view channel_data);
  Expected<std::string> read_user(std::string_view user_data);
  // An object's keys, with their values as they were written. At most `most`, else `refused`.
  Expected<std::vector<std::pair<std::string, std::string>>> read_fields(std::string_view object,
                                                                         std::size_t most);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// Codes of protocol 7: 4000-4099 do not come again, 4100-4199 later, 4200-4299 at once.
namespace pusher_code {
constexpr int none = 0;  // said as null: nothing ends
constexpr int tls_only = 4000, no_such_app = 4001, app_disabled = 4003, over_quota = 4004,
              no_such_path = 4005, bad_version = 4006, unsupported_version = 4007,
              no_version = 4008, unauthorized = 4009, over_capacity = 4100, reconnect = 4200,
              no_pong = 4201, inactive = 4202, too_many_events = 4301;
}  // namespace pusher_code

// Each is a whole text of one WebSocket message.
std::string say_established(std::string_view socket_id, int activity_timeout_s);
std::string say_error(int code, std::string_view message);
std::string say_pong();
std::string say_ping();
struct SubscriptionShown {
  bool is_presence = false;
  std::span<const Member> members{};
  const Position* position = nullptr;  // none: recovery was not asked for, or there is no timeline
  bool is_recovered = false;
};
std::string say_subscribed(std::string_view channel, const SubscriptionShown& shown);
// `type`: AuthError, LimitReached ...
std::string say_subscription_error(std::string_view channel, std::string_view type, int status,
                                   std::string_view error);
// `offset` 0: none. `data` is a JSON value.
// `offset`, `epoch`: of the timeline; 0 and empty: not said.
std::string say_event(std::string_view channel, const Message& message, std::uint64_t offset = 0,
                      std::string_view epoch = {});
void append_event(std::string& text, std::string_view channel, const Message& message,
                  std::uint64_t offset, std::string_view epoch);
// The channel of all clients of a user who has signed in, for what its server says to it.
inline constexpr std::string_view user_channel_prefix = "#server-to-user-";
std::string say_member_added(std::string_view channel, const Member& member);
std::string say_member_removed(std::string_view channel, std::string_view user);
std::string say_cache_miss(std::string_view channel);
std::string say_subscription_count(std::string_view channel, std::size_t count);
std::string say_signed_in(std::string_view user_data);
inline constexpr std::string_view history_event_name = "utakata:history";
std::string say_history(std::string_view channel, const Page& page);

}  // namespace utakata::realtime
