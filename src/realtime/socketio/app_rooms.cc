// Clients of a SocketIoApp as servers of a Node cluster see them: sockets in rooms.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "realtime/socketio/app.h"

namespace utakata::realtime {
namespace {

void sort_out(std::vector<ClientSlot>& clients) {
  std::ranges::sort(clients);
  const auto twice = std::ranges::unique(clients);
  clients.erase(twice.begin(), twice.end());
}

}  // namespace

const RecoverySeat* SocketIoApp::seat_of(ClientSlot client, std::string_view space) const {
  const auto& seats = clients_[client].seats;
  const auto found = std::ranges::find(seats, space, &RecoverySeat::space);
  return found == seats.end() ? nullptr : &*found;
}

void SocketIoApp::add_room(std::string_view space, const std::string& room,
                           std::vector<ClientSlot>& into) const {
  if (const auto client = client_of(room))
    if (const auto* const seat = seat_of(*client, space); seat && seat->sid == room)
      into.push_back(*client);
  const Readers readers = channels_.readers(room, Dialect::socketio);
  if (!readers) return;
  const auto found = elsewhere_.find(room);
  if (found == elsewhere_.end()) {
    if (space == "/") into.insert(into.end(), readers->begin(), readers->end());
    return;
  }
  if (space != "/") {
    const auto of_space = found->second.find(std::string(space));
    if (of_space != found->second.end())
      into.insert(into.end(), of_space->second.begin(), of_space->second.end());
    return;
  }
  for (const ClientSlot each : *readers)
    if (std::ranges::none_of(found->second, [&](const auto& other) {
          return std::ranges::binary_search(other.second, each);
        }))
      into.push_back(each);
}

// In the order of slots, each once.
Readers SocketIoApp::meant(std::string_view space, const NodeRooms& to) const {
  // The usual case copies no list.
  if (to.rooms.size() == 1 && to.except.empty() && space == "/" && !client_of(to.rooms[0]) &&
      !elsewhere_.contains(to.rooms[0]))
    return channels_.readers(to.rooms[0], Dialect::socketio);
  std::vector<ClientSlot> in, out;
  for (const auto& room : to.rooms) add_room(space, room, in);
  if (to.rooms.empty())
    for (ClientSlot client = 0; client < clients_.size(); ++client)
      if (seat_of(client, space)) in.push_back(client);
  for (const auto& room : to.except) add_room(space, room, out);
  sort_out(in);
  sort_out(out);
  auto all = std::make_shared<std::vector<ClientSlot>>();
  std::ranges::set_difference(in, out, std::back_inserter(*all));
  return all;
}

void SocketIoApp::hears(const NodeBroadcast& broadcast) {
  if (by_sid_.empty()) return;
  Readers clients = meant(broadcast.space, broadcast.to);
  if (!clients || clients->empty()) return;
  const auto& rooms = broadcast.to.rooms;
  const bool is_of_channel = rooms.size() == 1 && !client_of(rooms[0]);
  const auto& attachments = broadcast.attachments;
  out_.say_all(
      is_of_channel ? rooms[0] : "", std::move(clients),
      socketio_text({.type = attachments.empty() ? SocketIoType::event : SocketIoType::binary_event,
                     .space = broadcast.space,
                     .json = broadcast.json,
                     .attachments = attachments.size()}),
      attachments, std::nullopt, is_of_channel || broadcast.is_volatile);
}

void SocketIoApp::obeys(std::string_view space, const NodeRequest& request, Instant now) {
  using Kind = NodeRequest::Kind;
  const Readers clients = meant(space, request.to);  // as they are now, whatever happens to them
  if (!clients) return;
  for (const ClientSlot client : *clients) {
    if (request.kind == Kind::disconnect) {
      dismiss(client, space, request.is_close, now);
      continue;
    }
    RecoverySeat* const seat = seat_of(client, space);
    if (!seat) continue;
    for (const auto& room : request.rooms) {
      if (request.kind == Kind::leave)
        (void)unsubscribe(client, *seat, room, now);
      else if (!room.empty() && room.size() <= channel_name_bytes_max && room != seat->sid)
        (void)enter(client, *seat, room, std::nullopt, now);
    }
  }
}

// It is told so, that it does not come again by itself.
void SocketIoApp::dismiss(ClientSlot client, std::string_view space, bool is_close, Instant now) {
  std::vector<std::string> spaces{std::string(space)};
  if (is_close) {
    spaces.clear();
    for (const RecoverySeat& seat : clients_[client].seats) spaces.push_back(seat.space);
  }
  for (const auto& each : spaces) {
    out_.say(client, socketio_text({.type = SocketIoType::disconnect, .space = each}));
    disconnect(client, each, now);
  }
  if (is_close) out_.end(client, "A server disconnected it.");
}

std::vector<NodeSocket> SocketIoApp::sockets(std::string_view space, const NodeRooms& to) const {
  std::vector<NodeSocket> all;
  const Readers clients = meant(space, to);
  if (!clients) return all;
  for (const ClientSlot client : *clients) {
    const auto* const seat = seat_of(client, space);
    if (!seat) continue;
    NodeSocket& socket = all.emplace_back(seat->sid, std::vector{seat->sid});
    for (const auto& each : seat->channels) socket.rooms.push_back(each.channel);
  }
  return all;
}

std::vector<std::string> SocketIoApp::rooms(std::string_view space) const {
  std::set<std::string> names;
  for (const auto& client : clients_)
    for (const RecoverySeat& seat : client.seats) {
      if (seat.space != space) continue;
      names.insert(seat.sid);
      for (const auto& each : seat.channels) names.insert(each.channel);
    }
  return {names.begin(), names.end()};
}

}  // namespace utakata::realtime
