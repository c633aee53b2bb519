#include "realtime/webhook/event.h"

#include <fmt/format.h>

#include <algorithm>

#include "realtime/pusher/events.h"

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;

std::string client_event_fields(const WebhookEvent& event) {
  const bool is_text = event.data.starts_with('"');
  std::string fields =
      fmt::format(R"(,"event":{},"data":{},"socket_id":{})", json_text(event.event),
                  is_text              ? event.data
                  : event.data.empty() ? "\"null\""
                                       : json_text(event.data),
                  json_text(event.socket_id));
  if (!event.user_id.empty()) fields += fmt::format(R"(,"user_id":{})", json_text(event.user_id));
  return fields;
}

std::string fields_of(const WebhookEvent& event) {
  switch (event.kind) {
    case Kind::channel_occupied:
    case Kind::channel_vacated:
    case Kind::cache_miss:
      return {};
    case Kind::member_added:
    case Kind::member_removed:
      return fmt::format(R"(,"user_id":{})", json_text(event.user_id));
    case Kind::client_event:
      return client_event_fields(event);
    case Kind::subscription_count:
      return fmt::format(R"(,"subscription_count":{})", event.subscription_count);
  }
  return {};
}

}  // namespace

std::string_view webhook_kind_name(Kind kind) {
  switch (kind) {
    case Kind::channel_occupied:
      return "channel_occupied";
    case Kind::channel_vacated:
      return "channel_vacated";
    case Kind::member_added:
      return "member_added";
    case Kind::member_removed:
      return "member_removed";
    case Kind::client_event:
      return "client_event";
    case Kind::cache_miss:
      return "cache_miss";
    case Kind::subscription_count:
      return "subscription_count";
  }
  return {};
}

std::optional<Kind> webhook_kind(std::string_view name) {
  const auto known = std::ranges::find(webhook_kinds, name, webhook_kind_name);
  if (known == webhook_kinds.end()) return std::nullopt;
  return *known;
}

WebhookItemPtr webhook_item(const WebhookEvent& event) {
  const bool is_of_member = event.kind == Kind::member_added || event.kind == Kind::member_removed;
  return std::make_shared<const WebhookItem>(WebhookItem{
      .kind = event.kind,
      .channel = event.channel,
      .user_id = is_of_member ? event.user_id : std::string(),
      .json = fmt::format(R"({{"name":"{}","channel":{}{}}})", webhook_kind_name(event.kind),
                          json_text(event.channel), fields_of(event))});
}

}  // namespace utakata::realtime
