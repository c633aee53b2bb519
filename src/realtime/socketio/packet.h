// Packets of Socket.IO, protocol 5 ("Socket.IO Protocol", packet encoding): what is in a message of
// Engine.IO, and the binary messages that belong to it. Pure.
//
//   type [attachments -] [/namespace ,] [ack id] [JSON]        2["said",1]   51-/a,7["x",{...}]
//
// The JSON is kept as it came: who passes it on copies it, who wants to know reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace utakata::realtime {

enum class SocketIoType : std::uint8_t {  // 0..6
  connect,
  disconnect,
  event,
  ack,
  connect_error,
  binary_event,
  binary_ack
};

struct SocketIoPacket {
  SocketIoType type = SocketIoType::event;
  std::string space = "/";             // its namespace, with the slash
  std::optional<std::uint64_t> ack{};  // of an event: it wants an answer; of an ack: to which
  std::string json{};                  // empty: none
  std::size_t attachments = 0;         // how many binary messages come behind
  bool operator==(const SocketIoPacket&) const = default;
};

namespace socketio_limit {
constexpr std::size_t attachments = 10, namespace_bytes = 200, attached_bytes = 1'000'000;
constexpr std::size_t text_bytes = 64 * 1024;  // over both transports what a WebSocket message has
constexpr std::uint64_t ack = (std::uint64_t{1} << 53) - 1;  // what JavaScript counts to
}  // namespace socketio_limit

// An event of such a name makes clients close the connection: "connect", "disconnect" ...
bool is_reserved_event(std::string_view name);

std::string socketio_text(const SocketIoPacket& packet);  // without the 4 of Engine.IO

// Reads one packet after another; keeps its memory. The JSON is whole and right, and has the form
// that its type asks for:
//   connect        an object, or none      disconnect   none
//   event          an array, a name first  ack          an array
//   connect_error  an object or a text
// and each placeholder of a binary one names one of its attachments. O(size).
class SocketIoPacketReader {
 public:
  SocketIoPacketReader();
  ~SocketIoPacketReader();
  Expected<SocketIoPacket> read(std::string_view text);  // Problem `invalid`

 private:
  Expected<void> check_json(const SocketIoPacket& packet);
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// A packet and its binary messages, which come one by one behind it.
struct SocketIoWhole {
  SocketIoPacket packet;
  std::vector<std::string> attachments{};
  std::size_t attached_bytes = 0;  // more than were kept: its attachments are empty
};

class SocketIoAssembly {
 public:
  // Problems `invalid`: a packet while attachments are due, bytes while none are, or more than
  // attached_bytes. Who hears of one closes the connection. Nothing: more is to come.
  // `kept_max`: bytes of a packet's attachments that may be of use, and that a client who never
  // sends the last of them can make us keep.
  Expected<std::optional<SocketIoWhole>> take(SocketIoPacket packet);
  Expected<std::optional<SocketIoWhole>> take_bytes(std::string_view bytes, std::size_t kept_max);

 private:
  std::optional<SocketIoWhole> whole_{};  // with less than it will have
};

}  // namespace utakata::realtime
