#include "realtime/socketio/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace utakata::realtime {
namespace {

std::unexpected<Problem> refuse(std::string why) {
  return problem(Problem::Kind::refused, std::move(why));
}

}  // namespace

SocketIoApp::SocketIoApp(TenantSpec tenant, SocketIoSpec spec, Channels& channels, SocketIoOut& out,
                         SocketIoIds ids, DialectHooks hooks)
    : tenant_(std::move(tenant)),
      spec_(std::move(spec)),
      channels_(channels),
      out_(out),
      ids_(std::move(ids)),
      hooks_(std::move(hooks)),
      recovery_(spec_.recovery, ids_.secret()) {}

void SocketIoApp::opens(ClientSlot client, Instant now, bool waits) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  clients_[client] = {.is_there = true, .opened = now};
  channels_.speaks(client, Dialect::socketio);
  if (waits) waiting_[client] = {};
}

void SocketIoApp::leaves(ClientSlot client, Instant now) {
  if (client >= clients_.size() || !clients_[client].is_there) return;
  Client gone = std::exchange(clients_[client], {});
  waiting_.erase(client);
  channels_.sign_out(client);
  for (const std::string& pid : gone.asked)
    if (const auto asked = asked_.find(pid); asked != asked_.end()) asked->second.client.reset();
  for (RecoverySeat& seat : gone.seats) {
    recovery_.note_departure(seat, channels_);
    leave_channels(client, seat, now);
    by_sid_.erase(seat.sid);
    by_pid_.erase(seat.pid);
    if (!gone.is_at_fault) recovery_.leaves(std::move(seat), now);
  }
}

void SocketIoApp::says(ClientSlot client, std::string_view text, Instant now) {
  if (client >= clients_.size() || !clients_[client].is_there) return;
  auto packet = packets_.read(text);
  if (!packet) return fail(client, packet.error().what);
  take(client, clients_[client].assembly.take(std::move(*packet)), now);
}

void SocketIoApp::says_bytes(ClientSlot client, std::string_view bytes, Instant now) {
  if (client >= clients_.size() || !clients_[client].is_there) return;
  take(client, clients_[client].assembly.take_bytes(bytes, tenant_.event_data_bytes), now);
}

void SocketIoApp::fail(ClientSlot client, const std::string& why) {
  clients_[client].is_at_fault = true;
  out_.end(client, why);
}

void SocketIoApp::take(ClientSlot client, Taken taken, Instant now) {
  if (!taken) return fail(client, taken.error().what);
  if (!*taken || clients_[client].is_at_fault) return;
  const SocketIoWhole& whole = **taken;
  switch (whole.packet.type) {
    case SocketIoType::connect:
      return connect(client, whole.packet, now);
    case SocketIoType::disconnect:
      return disconnect(client, whole.packet.space, now);
    case SocketIoType::event:
    case SocketIoType::binary_event:
      return event(client, whole, now);
    case SocketIoType::ack:  // of nothing that we asked
    case SocketIoType::binary_ack:
    case SocketIoType::connect_error:
      return;
  }
}

RecoverySeat* SocketIoApp::seat_of(ClientSlot client, std::string_view space) {
  auto& seats = clients_[client].seats;
  const auto found = std::ranges::find(seats, space, &RecoverySeat::space);
  return found == seats.end() ? nullptr : &*found;
}

void SocketIoApp::sit(ClientSlot client, RecoverySeat seat) {
  by_sid_[seat.sid] = client;
  if (!seat.user.empty()) become(client, seat.user);
  if (recovery_.is_on()) by_pid_[seat.pid] = client;
  clients_[client].has_connected = true;
  out_.say(client, socketio_connected(seat.space, seat.sid, recovery_.is_on() ? seat.pid : ""));
  clients_[client].seats.push_back(std::move(seat));
}

void SocketIoApp::connect(ClientSlot client, const SocketIoPacket& packet, Instant now) {
  const std::string& space = packet.space;
  if (space != "/" && std::ranges::find(spec_.namespaces, space) == spec_.namespaces.end())
    return out_.say(client, socketio_refused(space, "Invalid namespace"));
  if (seat_of(client, space) || is_asking(client, space))
    return fail(client, "It is connected to that namespace already.");
  if (const auto known = waiting_.find(client); known != waiting_.end())
    return wait(client, known->second, packet);
  const SocketIoAsks asks = reader_.read_connect(packet.json);
  if (!asks.pid.empty() && comes_again(client, space, asks, now)) return;
  begin(client, space);
}

void SocketIoApp::wait(ClientSlot client, Waiting& waiting, const SocketIoPacket& connect) {
  if (std::ranges::find(waiting.connects, connect.space, &SocketIoPacket::space) !=
      waiting.connects.end())
    return fail(client, "It asked for that namespace already.");
  waiting.connects.push_back(connect);
  if (waiting.why_not) turns_away(client, *waiting.why_not);
}

void SocketIoApp::lets_in(ClientSlot client, Instant now) {
  const auto node = waiting_.extract(client);
  if (!node || clients_[client].is_at_fault) return;
  for (const SocketIoPacket& each : node.mapped().connects) connect(client, each, now);
}

void SocketIoApp::turns_away(ClientSlot client, const std::string& why) {
  const auto known = waiting_.find(client);
  if (known == waiting_.end()) return;
  known->second.why_not = why;
  for (const SocketIoPacket& each : known->second.connects)
    out_.say(client, socketio_refused(each.space, why));
  if (!known->second.connects.empty()) fail(client, why);
}

void SocketIoApp::begin(ClientSlot client, const std::string& space) {
  sit(client, {.space = space, .sid = ids_.sid(), .pid = ids_.secret()});
}

void SocketIoApp::leave_channels(ClientSlot client, const RecoverySeat& seat, Instant now) {
  for (const RecoverySubscription& each : seat.channels) {
    note_place(client, each.channel, seat.space, false);
    if (const auto left = channels_.unsubscribe(client, each.channel, now)) tell_departure(*left);
  }
}

void SocketIoApp::disconnect(ClientSlot client, const std::string& space, Instant now) {
  stop_asking(client, space);
  auto& seats = clients_[client].seats;
  const auto found = std::ranges::find(seats, space, &RecoverySeat::space);
  if (found == seats.end()) return;
  const RecoverySeat seat = std::move(*found);
  seats.erase(found);
  by_sid_.erase(seat.sid);
  by_pid_.erase(seat.pid);
  if (!seat.user.empty()) channels_.sign_out(client);
  leave_channels(client, seat, now);
}

void SocketIoApp::event(ClientSlot client, const SocketIoWhole& whole, Instant now) {
  RecoverySeat* const seat = seat_of(client, whole.packet.space);
  if (!seat) return fail(client, "It is not connected to that namespace.");
  const SocketIoSays says = reader_.read(whole.packet.json);
  if (says.kind == SocketIoSays::Kind::history) return history(client, whole.packet, says, now);
  const auto done = obey(client, *seat, whole, says, now);
  if (!whole.packet.ack) return;
  if (done)
    out_.say(client, socketio_done(whole.packet, *done));
  else
    out_.say(client, socketio_failed(whole.packet, done.error().what));
}

SocketIoApp::Done SocketIoApp::obey(ClientSlot client, RecoverySeat& seat,
                                    const SocketIoWhole& whole, const SocketIoSays& says,
                                    Instant now) {
  using Kind = SocketIoSays::Kind;
  if (whole.packet.type == SocketIoType::binary_event && says.kind != Kind::client_event)
    return refuse("binary data is for client events only");
  switch (says.kind) {
    case Kind::subscribe:
      return subscribe(client, seat, says, now);
    case Kind::unsubscribe:
      return unsubscribe(client, seat, says.channel, now);
    case Kind::client_event:
      return client_event(client, seat, whole, says, now);
    case Kind::sign_in:
      return sign_in(client, seat, says);
    case Kind::history:  // answered by event()
    case Kind::unknown:
      break;
  }
  return refuse("unknown event");
}

// Who it is, where the channel wants to know.
Expected<std::optional<Member>> SocketIoApp::admit(const RecoverySeat& seat,
                                                   const SocketIoSays& says) {
  if (!is_channel_name(says.channel))
    return refuse(fmt::format("a channel has a name of 1 to {} letters, digits or _-=@,.;",
                              channel_name_bytes_max));
  const ChannelKind kind = channel_kind(says.channel);
  if (!kind.needs_signature()) return std::nullopt;
  const bool is_presence = kind.access == ChannelAccess::presence;
  if (!is_channel_auth(says.auth, tenant_.key, seat.sid, says.channel,
                       is_presence ? says.channel_data : std::string()))
    return refuse("invalid signature");
  if (!is_presence) return std::nullopt;
  auto member = members_.read_member(says.channel_data);
  if (!member) return std::unexpected(std::move(member.error()));
  if (member->user.size() > tenant_.user_id_bytes || member->info.size() > tenant_.user_info_bytes)
    return refuse(fmt::format("a user_id may have {} bytes, user_info {}", tenant_.user_id_bytes,
                              tenant_.user_info_bytes));
  return std::move(*member);
}

SocketIoApp::Done SocketIoApp::subscribe(ClientSlot client, RecoverySeat& seat,
                                         const SocketIoSays& says, Instant now) {
  auto member = admit(seat, says);
  if (!member) return std::unexpected(std::move(member.error()));
  return enter(client, seat, says.channel, *member, now);
}

SocketIoApp::Done SocketIoApp::enter(ClientSlot client, RecoverySeat& seat,
                                     const std::string& channel,
                                     const std::optional<Member>& member, Instant now) {
  const auto came = channels_.subscribe(client, channel, member, std::nullopt, now);
  if (!came) return std::unexpected(came.error());
  seat.channels.push_back({channel, member, channels_.came()});
  note_place(client, channel, seat.space, true);
  if (came->cached && !is_reserved_event(came->cached->event))
    out_.say(client, socketio_event(seat.space, channel, unpack(*came->cached)));
  else if (!came->cached && channel_kind(channel).is_cache)
    hooks_.news({.name = "cache_miss", .channel = channel});
  sync_arrival(client, seat.space, channel);
  tell_arrival(client, channel, member, *came);
  return came->members;
}

SocketIoApp::Done SocketIoApp::unsubscribe(ClientSlot client, RecoverySeat& seat,
                                           const std::string& channel, Instant now) {
  if (std::erase_if(seat.channels, [&](const auto& each) { return each.channel == channel; }) == 0)
    return refuse("not subscribed to that channel");
  note_place(client, channel, seat.space, false);
  if (const auto left = channels_.unsubscribe(client, channel, now)) tell_departure(*left);
  return std::vector<Member>();
}

const char* SocketIoApp::event_fault(ClientSlot client, const SocketIoSays& says) const {
  if (!tenant_.takes_client_events) return "client events are not enabled for this app";
  if (const ChannelKind kind = channel_kind(says.channel);
      !kind.takes_client_events() && !(kind.is_sync && says.event == sync_put_event))
    return "client events are for private and presence channels, not for encrypted ones";
  if (!channels_.reads(client, says.channel)) return "not subscribed to that channel";
  if (says.event.size() > tenant_.event_name_bytes) return "the name of the event is too long";
  if (says.data.size() > tenant_.event_data_bytes) return "the data of the event is too long";
  return nullptr;
}

SocketIoApp::Client& SocketIoApp::counted(ClientSlot client, Instant now) {
  Client& one = clients_[client];
  if (now - one.second >= 1s) one.second = now, one.events = one.syncs = 0;
  return one;
}

SocketIoApp::Done SocketIoApp::client_event(ClientSlot client, const RecoverySeat& seat,
                                            const SocketIoWhole& whole, const SocketIoSays& says,
                                            Instant now) {
  if (const char* const fault = event_fault(client, says)) return refuse(fault);
  Client& sender = counted(client, now);
  if (says.event == sync_put_event && channel_kind(says.channel).is_sync)
    return sync_event(client, whole, says);
  if (whole.attached_bytes > tenant_.event_data_bytes)
    return refuse("the data of the event is too long");
  if (++sender.events > tenant_.client_events_per_second)
    return refuse(
        fmt::format("{} client events a second are allowed", tenant_.client_events_per_second));
  Message message{.event = says.event, .data = says.data, .attachments = whole.attachments};
  if (const auto member = channels_.member_of(client, says.channel)) message.user = member->user;
  const std::string sid = seat.sid;
  hooks_.news({.name = "client_event",
               .channel = says.channel,
               .member = {.user = message.user.value_or(""), .info = {}},
               .event = says.event,
               .data = says.data,
               .socket_id = sid});
  if (!hooks_.publish(says.channel, std::move(message), {.client = client, .id = sid}))
    return refuse("too much waits: try again later");
  return std::vector<Member>();
}

bool SocketIoApp::is_empty() const { return std::ranges::none_of(clients_, &Client::is_there); }

void SocketIoApp::end_all(const std::string& why) {
  for (ClientSlot client = 0; client < clients_.size(); ++client)
    if (clients_[client].is_there) out_.end(client, why);
}

void SocketIoApp::expire(Instant now) {
  recovery_.expire(now);
  give_up_asking(now);
  for (ClientSlot client = 0; client < clients_.size(); ++client) {
    Client& one = clients_[client];
    if (!one.is_there || one.has_connected || now - one.opened < spec_.connect_timeout) continue;
    one.has_connected = true;  // said once
    fail(client, "It did not connect to a namespace.");
  }
}

}  // namespace utakata::realtime
