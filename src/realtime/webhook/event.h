// What a tenant's own server is told of by HTTP POST, as Pusher Channels documents it ("Webhooks",
// section "Events"). Values. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace utakata::realtime {

struct WebhookEvent {
  enum class Kind : std::uint8_t {
    channel_occupied,
    channel_vacated,
    member_added,
    member_removed,
    client_event,
    cache_miss,
    subscription_count
  };
  Kind kind = Kind::channel_occupied;
  std::string channel;
  std::string user_id{};               // member_*; client_event on presence channels; empty: none
  std::string event{};                 // client_event: its name
  std::string data{};                  // client_event: a JSON value, as it came; empty: null
  std::string socket_id{};             // client_event: who sent it
  std::size_t subscription_count = 0;  // subscription_count
};

inline constexpr std::array webhook_kinds = {
    WebhookEvent::Kind::channel_occupied,  WebhookEvent::Kind::channel_vacated,
    WebhookEvent::Kind::member_added,      WebhookEvent::Kind::member_removed,
    WebhookEvent::Kind::client_event,      WebhookEvent::Kind::cache_miss,
    WebhookEvent::Kind::subscription_count};

std::string_view webhook_kind_name(WebhookEvent::Kind kind);  // as it goes over the wire
std::optional<WebhookEvent::Kind> webhook_kind(std::string_view name);

// An event as it waits to be told, one for all hooks that tell it.
struct WebhookItem {
  WebhookEvent::Kind kind;
  std::string channel, user_id;  // user_id: of member_*
  std::string json;              // an element of `events` in the body
  // About what it takes in memory where it waits: 512 for what finds it and keeps its place, names
  // twice. Hooks that share it count it in full each.
  std::size_t bytes() const { return 512 + 2 * (channel.size() + user_id.size()) + json.size(); }
};
using WebhookItemPtr = std::shared_ptr<const WebhookItem>;

// `data` goes as a text: SDKs read a text there (pusher-http-go: `Data string`). What is a JSON
// text already goes as it is.
WebhookItemPtr webhook_item(const WebhookEvent& event);

}  // namespace utakata::realtime
