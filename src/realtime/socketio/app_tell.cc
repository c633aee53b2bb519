// What the clients of a SocketIoApp hear: each in the namespace through which it reads a channel.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "realtime/socketio/app.h"

namespace utakata::realtime {

void SocketIoApp::hears(std::string_view channel, const Message& message, const Position& position,
                        std::optional<ClientSlot> but) {
  if (by_sid_.empty() || is_reserved_event(message.event)) return;
  std::string offset;
  if (recovery_.is_on() && !position.epoch.empty()) offset = recovery_.offset_of(channels_.came());
  deliver(channel, message, offset, message.attachments, but, true);
}

void SocketIoApp::hears_added(std::string_view channel, const Member& member,
                              std::optional<ClientSlot> but) {
  deliver(channel, {.event = std::string(socketio_member_added), .data = member_json(member)}, {},
          {}, but, false);
}

void SocketIoApp::hears_removed(std::string_view channel, const std::string& user) {
  deliver(channel,
          {.event = std::string(socketio_member_removed),
           .data = member_json({.user = user, .info = {}})},
          {}, {}, std::nullopt, false);
}

void SocketIoApp::tell_arrival(ClientSlot client, const std::string& channel,
                               const std::optional<Member>& member,
                               const Channels::Subscribed& came) {
  if (came.was_vacant) hooks_.news({.name = "channel_occupied", .channel = channel});
  if (came.is_new_member) {
    hears_added(channel, *member, client);
    hooks_.news({.name = "member_added", .channel = channel, .member = *member});
  }
  if (!member) tell_count(channel);
}

void SocketIoApp::tell_count(const std::string& channel) {
  if (!tenant_.tells_subscription_counts) return;
  hooks_.news({.name = "subscription_count", .channel = channel});
}

void SocketIoApp::hears_count(std::string_view channel, std::size_t readers) {
  deliver(channel,
          {.event = std::string(socketio_subscription_count),
           .data = fmt::format(R"({{"subscription_count":{}}})", readers)},
          {}, {}, std::nullopt, false);
}

void SocketIoApp::tell_departure(const Channels::Left& left) {
  if (left.gone) {
    hears_removed(left.channel, left.gone->user);
    hooks_.news({.name = "member_removed", .channel = left.channel, .member = *left.gone});
  }
  if (left.is_vacant) return hooks_.news({.name = "channel_vacated", .channel = left.channel});
  if (channel_kind(left.channel).access != ChannelAccess::presence) tell_count(left.channel);
}

void SocketIoApp::deliver(std::string_view channel, const Message& message, std::string_view offset,
                          std::span<const std::string> attachments, std::optional<ClientSlot> but,
                          bool may_be_missed) {
  if (by_sid_.empty()) return;
  Readers readers = channels_.readers(channel, Dialect::socketio);
  if (!readers || readers->empty()) return;
  std::optional<Message> unpacked;
  if (message.is_packed) unpacked = unpack(message);
  const Message& said = unpacked ? *unpacked : message;
  const auto say = [&](std::string_view space, Readers to) {
    out_.say_all(channel, std::move(to),
                 socketio_event(space, channel, said, offset, attachments.size()), attachments, but,
                 may_be_missed);
  };
  if (const auto found = elsewhere_.find(channel); found != elsewhere_.end()) {
    auto rest = std::make_shared<std::vector<ClientSlot>>(*readers);
    for (const auto& [space, clients] : found->second) {
      std::erase_if(*rest,
                    [&](ClientSlot one) { return std::ranges::binary_search(clients, one); });
      say(space, std::make_shared<const std::vector<ClientSlot>>(clients));
    }
    readers = std::move(rest);
  }
  if (!readers->empty()) say("/", readers);
}

Message SocketIoApp::unpack(const Message& message) {
  Message unpacked{.event = message.event, .data = message.data, .user = message.user};
  if (message.is_packed) unpacked.data = reader_.unpacked(message.data);
  return unpacked;
}

void SocketIoApp::note_place(ClientSlot client, const std::string& channel,
                             const std::string& space, bool is_there) {
  if (space == "/") return;
  auto& spaces = elsewhere_[channel];
  auto& clients = spaces[space];
  const auto at = std::ranges::lower_bound(clients, client);
  if (is_there)
    clients.insert(at, client);
  else if (at != clients.end() && *at == client)
    clients.erase(at);
  if (clients.empty()) spaces.erase(space);
  if (spaces.empty()) elsewhere_.erase(channel);
}

std::optional<ClientSlot> SocketIoApp::client_of(std::string_view sid) const {
  const auto known = by_sid_.find(std::string(sid));
  return known == by_sid_.end() ? std::nullopt : std::optional(known->second);
}

}  // namespace utakata::realtime
