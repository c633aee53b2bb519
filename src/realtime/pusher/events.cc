#include "realtime/pusher/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace utakata::realtime {
namespace {

// Data of the protocol's own events is a text that has JSON in it.
std::string own_event(std::string_view event, std::string_view channel, std::string_view data) {
  return fmt::format(R"({{"event":"{}","channel":{},"data":{}}})", event, json_text(channel),
                     json_text(data));
}

std::string presence_of(std::span<const Member> members) {
  std::string ids, hash;
  for (const Member& member : members) {
    const std::string_view comma = ids.empty() ? "" : ",";
    const std::string id = json_text(member.user);
    ids.append(comma).append(id);
    hash.append(comma).append(id).append(":").append(member.info.empty() ? "null" : member.info);
  }
  return fmt::format(R"("presence":{{"count":{},"ids":[{}],"hash":{{{}}}}})", members.size(), ids,
                     hash);
}

}  // namespace

std::string say_established(std::string_view socket_id, int activity_timeout_s) {
  return fmt::format(R"({{"event":"pusher:connection_established","data":{}}})",
                     json_text(fmt::format(R"({{"socket_id":"{}","activity_timeout":{}}})",
                                           socket_id, activity_timeout_s)));
}

std::string say_error(int code, std::string_view message) {
  return fmt::format(R"({{"event":"pusher:error","data":{{"code":{},"message":{}}}}})",
                     code == pusher_code::none ? "null" : std::to_string(code), json_text(message));
}

std::string say_pong() { return R"({"event":"pusher:pong","data":{}})"; }
std::string say_ping() { return R"({"event":"pusher:ping","data":{}})"; }

std::string say_subscribed(std::string_view channel, const SubscriptionShown& shown) {
  std::string data = "{";
  if (shown.is_presence) data += presence_of(shown.members);
  if (shown.position)
    data += fmt::format(R"({}"position":{{"epoch":{},"offset":{}}},"recovered":{})",
                        data.size() > 1 ? "," : "", json_text(shown.position->epoch),
                        shown.position->offset, shown.is_recovered);
  return own_event("pusher_internal:subscription_succeeded", channel, data + "}");
}

std::string say_subscription_error(std::string_view channel, std::string_view type, int status,
                                   std::string_view error) {
  return fmt::format(R"({{"event":"pusher:subscription_error","channel":{},"data":{{"type":"{}",)"
                     R"("error":{},"status":{}}}}})",
                     json_text(channel), type, json_text(error), status);
}

std::string say_event(std::string_view channel, const Message& message, std::uint64_t offset,
                      std::string_view epoch) {
  std::string text;
  append_event(text, channel, message, offset, epoch);
  return text;
}

void append_event(std::string& text, std::string_view channel, const Message& message,
                  std::uint64_t offset, std::string_view epoch) {
  text.reserve(text.size() + 80 + message.event.size() + channel.size() + message.data.size());
  append_json_text(text.append(R"({"event":)"), message.event);
  append_json_text(text.append(R"(,"channel":)"), channel);
  text.append(R"(,"data":)").append(message.data);
  if (message.user) append_json_text(text.append(R"(,"user_id":)"), *message.user);
  if (offset > 0) text += fmt::format(R"(,"offset":{})", offset);
  if (!epoch.empty()) append_json_text(text.append(R"(,"epoch":)"), epoch);
  text += '}';
}

std::string say_member_added(std::string_view channel, const Member& member) {
  return own_event("pusher_internal:member_added", channel,
                   fmt::format(R"({{"user_id":{},"user_info":{}}})", json_text(member.user),
                               member.info.empty() ? "null" : member.info));
}

std::string say_member_removed(std::string_view channel, std::string_view user) {
  return own_event("pusher_internal:member_removed", channel,
                   fmt::format(R"({{"user_id":{}}})", json_text(user)));
}

std::string say_cache_miss(std::string_view channel) {
  return fmt::format(R"({{"event":"pusher:cache_miss","channel":{}}})", json_text(channel));
}

std::string say_subscription_count(std::string_view channel, std::size_t count) {
  return own_event("pusher_internal:subscription_count", channel,
                   fmt::format(R"({{"subscription_count":{}}})", count));
}

std::string say_signed_in(std::string_view user_data) {
  return fmt::format(R"({{"event":"pusher:signin_success","data":{}}})",
                     json_text(fmt::format(R"({{"user_data":{}}})", json_text(user_data))));
}

std::string say_history(std::string_view channel, const Page& page) {
  return say_event(
      channel, {.event = std::string(history_event_name), .data = "{" + page_fields(page) + "}"});
}

}  // namespace utakata::realtime
