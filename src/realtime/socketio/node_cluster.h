// What the Socket.IO servers of a Node cluster say to one another over Redis: the messages of
// npm's @socket.io/redis-adapter 8 and @socket.io/redis-emitter 5. Pure.
//
//   KEY#/space#         a broadcast, MessagePack: [uid, {type, data, nsp}, {rooms, except, flags}]
//   KEY#/space#room#    the same, where exactly one room is named
//   KEY-request#/space# a request or a question: JSON, or MessagePack where it has an event in it
//   KEY-response#/space# answers, JSON; who asked waits for one of each subscriber of the requests
//
// KEY is "socket.io" unless their `key` says otherwise. Who subscribes takes the first two by
// PSUBSCRIBE KEY#/space#*. Own messages come back: their uid is one's own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "realtime/channel/message.h"

namespace utakata::realtime {

// To whom: who is in one of `rooms` (none: all of the namespace) and in none of `except`.
struct NodeRooms {
  std::vector<std::string> rooms{}, except{};
  bool operator==(const NodeRooms&) const = default;
};

struct NodeBroadcast {
  std::string uid{};        // whose; an emitter's is "emitter"
  std::string space = "/";  // the namespace, with the slash
  NodeRooms to{};
  // An array, the event's name first, as in a packet: bytes in it are placeholders.
  std::string json{};
  std::vector<std::string> attachments{};
  bool is_volatile = false;  // may be lost for who is slow
  bool operator==(const NodeBroadcast&) const = default;
};

struct NodeRequest {
  enum class Kind : std::uint8_t { join = 2, leave, disconnect };  // numbered as they are there
  Kind kind = Kind::join;
  std::string uid{};  // empty: an emitter's
  NodeRooms to{};
  std::vector<std::string> rooms{};  // of join and leave: which
  bool is_close = false;             // of disconnect: the whole connection, not the namespace only
  bool operator==(const NodeRequest&) const = default;
};

// What an adapter wants an answer to from each server, before its time is over (5 s).
struct NodeQuestion {
  enum class Kind : std::uint8_t {  // numbered as they are there
    sids = 0,
    rooms = 1,
    sockets = 5,     // with their rooms
    emit = 6,        // an event for servers, and what each says to it
    event_count = 7  // an event for clients, and how many of them will say something to it
  };
  Kind kind = Kind::sids;
  std::string uid{}, id{};
  NodeRooms to{};             // of sids and sockets
  NodeBroadcast broadcast{};  // of event_count
  bool operator==(const NodeQuestion&) const = default;
};

struct NodeSocket {  // a client, by one of its namespaces
  std::string sid;
  std::vector<std::string> rooms{};  // the sid is one of them
  bool operator==(const NodeSocket&) const = default;
};

std::string node_channel(std::string_view key, const NodeBroadcast& broadcast);
std::string node_request_channel(std::string_view key, std::string_view space);
std::string node_response_channel(std::string_view key, std::string_view space);
// What is subscribed to by PSUBSCRIBE, for all broadcasts of a namespace.
std::string node_pattern(std::string_view key, std::string_view space);

// `invalid`: its JSON is not an event's, or its placeholders do not name its attachments once each.
Expected<std::string> node_bytes(const NodeBroadcast& broadcast);
std::string node_text(const NodeRequest& request);

// `invalid`: not a broadcast of an event that can be passed on to clients: types of MessagePack
// that JSON has not (but dates, which become texts as in JavaScript), more than 64 arrays and
// objects in one another, more than 10 attachments, a name that is reserved, texts that are not
// UTF-8.
Expected<NodeBroadcast> node_broadcast(std::string_view bytes);
// Nothing: a request of another kind, which is no failure. `invalid`: not to be understood.
Expected<std::optional<NodeRequest>> node_request(std::string_view text);
// Nothing: what needs no answer, or is a request. `invalid`: as for broadcasts and requests.
Expected<std::optional<NodeQuestion>> node_question(std::string_view bytes);

// Of one of our servers. Of a client is told what is known here: its sid and its rooms; what a
// Node server knows of its handshake and its data is there and empty.
std::string node_answer_rooms(const NodeQuestion& question, std::span<const std::string> rooms);
std::string node_answer_sockets(const NodeQuestion& question, std::span<const NodeSocket> sockets);
// That there is nothing: of emit and event_count, whose answers are not collected here.
std::string node_answer_none(const NodeQuestion& question);

// As clients of Pusher hear it: the first argument is the data; null where there is none.
Message node_message(const NodeBroadcast& broadcast);

}  // namespace utakata::realtime
