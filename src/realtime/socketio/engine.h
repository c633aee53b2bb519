// Packets of Engine.IO, protocol 4 ("Engine.IO Protocol", packet and payload encoding): what a
// WebSocket message or the body of a poll is made of. Pure.
//
// A text packet is a digit and its data; a binary one is always a message: its bytes alone on a
// WebSocket, `b` and base64 in a payload. Packets of a payload are separated by 0x1e, which JSON
// texts never have in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/problem.h"

namespace utakata::realtime {

enum class EngineType : std::uint8_t { open, close, ping, pong, message, upgrade, noop };  // 0..6

struct EnginePacket {
  EngineType type = EngineType::message;
  bool is_binary = false;  // then it is a message
  std::string data{};
  bool operator==(const EnginePacket&) const = default;
};

// A text message of a WebSocket; a binary one needs no reading. Problem `invalid`: empty, or no
// digit from 0 to 6 in front. That the data is UTF-8 is for who takes the bytes in to see.
Expected<EnginePacket> engine_packet(std::string_view text);
std::string engine_text(EngineType type, std::string_view data = {});  // of a text packet

// The body of a POST. Problem `invalid`: one of its packets is, base64 included, or there are more
// than `packets_max`; then none of them counts.
inline constexpr std::size_t engine_packets_max = 1'000;
Expected<std::vector<EnginePacket>> engine_packets(std::string_view payload,
                                                   std::size_t packets_max = engine_packets_max);
// Appends to the body of an answer to a GET.
void append_to_payload(std::string& payload, const EnginePacket& packet);
std::size_t payload_bytes(const EnginePacket& packet);  // what that appends, with its separator

// The first packet that a client hears.
struct EngineOpen {
  std::string sid;
  bool has_upgrade = false;  // to a WebSocket
  Duration ping_interval{25s}, ping_timeout{20s};
  std::size_t payload_bytes_max = 1'000'000;  // of what the client sends at once
};
std::string engine_open_text(const EngineOpen& open);  // with its digit

}  // namespace utakata::realtime
