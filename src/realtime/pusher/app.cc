#include "realtime/pusher/app.h"

#include <fmt/format.h>

#include <utility>

namespace utakata::realtime {
namespace {

constexpr std::size_t kChannelsOfPublication = 100;

PusherApp::Refused refused_as(const Problem& problem) {
  switch (problem.kind) {
    case Problem::Kind::refused:
      return {"LimitReached", pusher_code::over_quota, problem.what};
    case Problem::Kind::conflict:
      return {"Conflict", 409, problem.what};
    case Problem::Kind::not_found:
    case Problem::Kind::invalid:
    case Problem::Kind::timed_out:
    case Problem::Kind::unavailable:
      break;
  }
  return {"InvalidRequest", 400, problem.what};
}

}  // namespace

PusherApp::PusherApp(TenantSpec spec, Channels& channels, PusherOut& out, DialectHooks hooks)
    : spec_(std::move(spec)), channels_(channels), out_(out), hooks_(std::move(hooks)) {}

void PusherApp::respec(TenantSpec spec) { spec_ = std::move(spec); }

void PusherApp::opens(ClientSlot client, SocketId id, bool waits) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  channels_.speaks(client, Dialect::pusher);
  by_socket_id_[id] = client;
  clients_[client] = {.id = id, .is_there = true, .is_waiting = true};
  if (!waits) lets_in(client);
}

void PusherApp::lets_in(ClientSlot client, int activity_timeout_s) {
  clients_[client].is_waiting = false;
  out_.say(client, say_established(clients_[client].id.text(), activity_timeout_s));
}

void PusherApp::turns_away(ClientSlot client, int code, const std::string& why) {
  out_.say(client, say_error(code, why));
  out_.end(client, code, why);
}

void PusherApp::leaves(ClientSlot client, Instant now) {
  if (client >= clients_.size() || !clients_[client].is_there) return;
  by_socket_id_.erase(clients_[client].id);
  clients_[client] = {};
  for (const Channels::Left& left : channels_.leave(client, now)) tell_departure(left);
}

void PusherApp::silent(ClientSlot client, bool again) {
  if (!again) return out_.say(client, say_ping());
  if (clients_[client].has_spoken)
    out_.end(client, pusher_code::no_pong, "There was no answer to a ping.");
  else
    out_.end(client, pusher_code::inactive, "Nothing was said since it came.");
}

void PusherApp::end_all(int code, const std::string& why) {
  for (const auto& [id, client] : by_socket_id_) out_.end(client, code, why);
}

void PusherApp::says(ClientSlot client, std::string_view text, Instant now) {
  clients_[client].has_spoken = true;
  if (clients_[client].is_waiting)
    return out_.say(client,
                    say_error(pusher_code::none, "Wait for pusher:connection_established."));
  if (const auto event = client_event_in(text)) return client_event(client, *event, now);
  const auto says = reader_.read(text);
  if (!says) return out_.say(client, say_error(pusher_code::none, says.error().what));
  switch (says->kind) {
    case PusherSays::Kind::ping:
      return out_.say(client, say_pong());
    case PusherSays::Kind::subscribe:
      return subscribe(client, *says, now);
    case PusherSays::Kind::unsubscribe:
      if (const auto left = channels_.unsubscribe(client, says->channel, now))
        tell_departure(*left);
      return;
    case PusherSays::Kind::sign_in:
      return sign_in(client, *says);
    case PusherSays::Kind::history:
      return history(client, *says, now);
    case PusherSays::Kind::event:
      return client_event(client, {says->event, says->channel, says->data}, now);
    case PusherSays::Kind::pong:
    case PusherSays::Kind::unknown:
      return;
  }
}

// Who it is, where the channel wants to know.
std::expected<std::optional<Member>, PusherApp::Refused> PusherApp::admit(ClientSlot client,
                                                                          const PusherSays& says) {
  const auto refuse = [](const char* type, int status, std::string why) {
    return std::unexpected(Refused{type, status, std::move(why)});
  };
  if (!is_channel_name(says.channel))
    return refuse("InvalidRequest", 400,
                  fmt::format("Invalid channel name: it has 1 to {} letters, digits or _-=@,.;",
                              channel_name_bytes_max));
  const ChannelKind kind = channel_kind(says.channel);
  if (!kind.needs_signature()) return std::nullopt;
  const bool is_presence = kind.access == ChannelAccess::presence;
  if (!is_channel_auth(says.auth, spec_.key, clients_[client].id.text(), says.channel,
                       is_presence ? says.channel_data : std::string()))
    return refuse("AuthError", 401, fmt::format("Invalid signature for channel {}.", says.channel));
  if (!is_presence) return std::nullopt;
  auto member = reader_.read_member(says.channel_data);
  if (!member) return std::unexpected(refused_as(member.error()));
  if (member->user.size() > spec_.user_id_bytes || member->info.size() > spec_.user_info_bytes)
    return refuse("LimitReached", pusher_code::over_quota,
                  fmt::format("A user_id may have {} bytes, user_info {}.", spec_.user_id_bytes,
                              spec_.user_info_bytes));
  return std::move(*member);
}

void PusherApp::subscribe(ClientSlot client, const PusherSays& says, Instant now) {
  const auto refuse = [&](const Refused& why) {
    out_.say(client, say_subscription_error(says.channel.substr(0, channel_name_bytes_max),
                                            why.type, why.status, why.what));
  };
  if (says.channel.starts_with(user_channel_prefix)) {
    const std::string* const user = channels_.user_of(client);
    if (user && says.channel.substr(user_channel_prefix.size()) == *user)
      return out_.say(client, say_subscribed(says.channel, {}));
    return refuse({"AuthError", 401, "Sign in as the user of this channel first."});
  }
  const auto member = admit(client, says);
  if (!member) return refuse(member.error());
  const auto came = channels_.subscribe(client, says.channel, *member, says.since, now);
  if (!came) return refuse(refused_as(came.error()));
  const bool shows_position = says.wants_recovery && !came->position.epoch.empty();
  out_.say(client,
           say_subscribed(says.channel, {.is_presence = member->has_value(),
                                         .members = came->members,
                                         .position = shows_position ? &came->position : nullptr,
                                         .is_recovered = came->missed.has_value()}));
  const ChannelKind kind = channel_kind(says.channel);
  if (came->missed) {
    for (const Timeline::Entry& entry : *came->missed)
      out_.say(client, say_event(says.channel, *entry.message, entry.offset));
  } else if (came->cached) {
    out_.say(client, say_event(says.channel, *came->cached));
  } else if (kind.is_cache) {
    out_.say(client, say_cache_miss(says.channel));
    hooks_.news({.name = "cache_miss", .channel = says.channel});
  }
  if (kind.is_sync) sync_arrival(client, says.channel);
  tell_arrival(client, says.channel, *member, *came);
}

void PusherApp::tell_arrival(ClientSlot client, const std::string& channel,
                             const std::optional<Member>& member,
                             const Channels::Subscribed& came) {
  if (came.was_vacant) hooks_.news({.name = "channel_occupied", .channel = channel});
  if (came.is_new_member) {
    out_.say_all(channel, channels_.readers(channel), say_member_added(channel, *member), client,
                 false);
    hooks_.news({.name = "member_added", .channel = channel, .member = *member});
  }
  if (!member) tell_count(channel);
}

void PusherApp::tell_departure(const Channels::Left& left) {
  if (left.gone) {
    hears_removed(left.channel, left.gone->user);
    hooks_.news({.name = "member_removed", .channel = left.channel, .member = *left.gone});
  }
  if (left.is_vacant) return hooks_.news({.name = "channel_vacated", .channel = left.channel});
  if (channel_kind(left.channel).access != ChannelAccess::presence) tell_count(left.channel);
}

void PusherApp::tell_count(const std::string& channel) {
  if (!spec_.tells_subscription_counts) return;
  hooks_.news({.name = "subscription_count", .channel = channel});
}

void PusherApp::hears_added(std::string_view channel, const Member& member) {
  out_.say_all(channel, channels_.readers(channel), say_member_added(channel, member), std::nullopt,
               false);
}

void PusherApp::hears_removed(std::string_view channel, const std::string& user) {
  out_.say_all(channel, channels_.readers(channel), say_member_removed(channel, user), std::nullopt,
               false);
}

void PusherApp::hears_count(std::string_view channel, std::size_t readers) {
  out_.say_all(channel, channels_.readers(channel), say_subscription_count(channel, readers),
               std::nullopt, false);
}

void PusherApp::sign_in(ClientSlot client, const PusherSays& says) {
  const auto refuse = [&](const std::string& why) {
    out_.say(client, say_error(pusher_code::unauthorized, why));
    out_.end(client, pusher_code::unauthorized, why);
  };
  if (!is_user_auth(says.auth, spec_.key, clients_[client].id.text(), says.user_data))
    return refuse("Invalid signature for signing in.");
  const auto user = reader_.read_user(says.user_data);
  if (!user) return refuse(user.error().what);
  if (user->size() > spec_.user_id_bytes)
    return refuse(fmt::format("An id may have {} bytes.", spec_.user_id_bytes));
  channels_.sign_in(client, *user);
  out_.say(client, say_signed_in(says.user_data));
}

const char* PusherApp::event_fault(ClientSlot client, const ClientEvent& said,
                                   ChannelKind kind) const {
  if (!spec_.takes_client_events) return "To send client events, enable them for this app.";
  if (!kind.takes_client_events() && !(kind.is_sync && said.name == sync_put_event))
    return "Client events are for private and presence channels, not for encrypted ones.";
  if (!channels_.reads(client, said.channel)) return "Subscribe to the channel first.";
  if (said.name.size() > spec_.event_name_bytes) return "The name of the event is too long.";
  if (said.data.size() > spec_.event_data_bytes) return "The data of the event is too long.";
  return nullptr;
}

PusherApp::Client& PusherApp::counted(ClientSlot client, Instant now) {
  Client& one = clients_[client];
  if (now - one.second >= 1s) one.second = now, one.events = one.syncs = 0;
  return one;
}

void PusherApp::client_event(ClientSlot client, const ClientEvent& said, Instant now) {
  const ChannelKind kind = channel_kind(said.channel);
  if (const char* const fault = event_fault(client, said, kind))
    return out_.say(client, say_error(pusher_code::too_many_events, fault));
  Client& sender = counted(client, now);
  if (kind.is_sync && said.name == sync_put_event) return sync_event(client, said);
  if (++sender.events > spec_.client_events_per_second)
    return out_.say(client, say_error(pusher_code::too_many_events,
                                      fmt::format("{} client events a second are allowed.",
                                                  spec_.client_events_per_second)));
  Message message{.event = std::string(said.name),
                  .data = std::string(said.data.empty() ? "null" : said.data)};
  if (kind.access == ChannelAccess::presence)
    if (const auto member = channels_.member_of(client, said.channel)) message.user = member->user;
  if (hooks_.wants_client_events())
    hooks_.news({.name = "client_event",
                 .channel = std::string(said.channel),
                 .member = {.user = message.user.value_or(""), .info = {}},
                 .event = message.event,
                 .data = message.data,
                 .socket_id = sender.id.text()});
  if (!hooks_.publish(said.channel, std::move(message), {.client = client}))
    out_.say(client, say_error(pusher_code::too_many_events, "Too much waits: try again later."));
}

void PusherApp::hears(std::string_view channel, const Message& message, const Position& position,
                      std::optional<ClientSlot> but, bool tells_epoch) {
  Readers readers = channels_.readers(channel);
  if (!readers || readers->empty()) return;
  said_.clear();
  append_event(said_, channel, message, position.offset, tells_epoch ? position.epoch : "");
  out_.say_all(channel, std::move(readers), said_, but, true);
}

void PusherApp::hears(std::string_view channel, const Message& message, Readers readers) {
  if (readers && !readers->empty())
    out_.say_all(channel, std::move(readers), say_event(channel, message), std::nullopt, true);
}

void PusherApp::hears_as_user(const std::string& user, const Message& message,
                              std::optional<ClientSlot> but) {
  const std::string channel = std::string(user_channel_prefix) + user;
  out_.say_all(channel, channels_.clients_of(user), say_event(channel, message), but, false);
}

std::optional<ClientSlot> PusherApp::client_of(std::string_view socket_id) const {
  const auto id = SocketId::read(socket_id);
  if (!id) return std::nullopt;
  const auto known = by_socket_id_.find(*id);
  return known == by_socket_id_.end() ? std::nullopt : std::optional(known->second);
}

std::optional<Problem> PusherApp::fault_of(const Publication& publication) const {
  const auto fault = [](Problem::Kind kind, std::string what) {
    return Problem{kind, std::move(what)};
  };
  if (publication.channels.empty() || publication.channels.size() > kChannelsOfPublication)
    return fault(Problem::Kind::invalid,
                 fmt::format("An event goes to 1 to {} channels, not to {}.",
                             kChannelsOfPublication, publication.channels.size()));
  if (publication.event.empty() || publication.event.size() > spec_.event_name_bytes)
    return fault(Problem::Kind::invalid,
                 fmt::format("The name of an event has 1 to {} bytes.", spec_.event_name_bytes));
  if (publication.data.size() > spec_.event_data_bytes)
    return fault(Problem::Kind::refused,
                 fmt::format("The data of an event has {} bytes at most, not {}.",
                             spec_.event_data_bytes, publication.data.size()));
  for (const std::string& channel : publication.channels)
    if (!channel.starts_with(user_channel_prefix) && !is_channel_name(channel))
      return fault(Problem::Kind::invalid, fmt::format("Invalid channel name `{}`.",
                                                       channel.substr(0, channel_name_bytes_max)));
  return std::nullopt;
}

Expected<void> PusherApp::publish(const Publication& publication) {
  if (auto fault = fault_of(publication)) return std::unexpected(std::move(*fault));
  for (const std::string& channel : publication.channels)
    if (!hooks_.publish(channel,
                        {.event = publication.event, .data = publication.data, .is_packed = true},
                        {.id = publication.but_socket_id}))
      return problem(Problem::Kind::unavailable,
                     "Too much waits to be told, here or to other servers: try again later.");
  return {};
}

int PusherApp::cut_user(const std::string& user) {
  const Readers clients = channels_.clients_of(user);
  if (!clients) return 0;
  for (const ClientSlot client : *clients)
    out_.end(client, pusher_code::unauthorized, "You got disconnected by the app.");
  return int(clients->size());
}

}  // namespace utakata::realtime
