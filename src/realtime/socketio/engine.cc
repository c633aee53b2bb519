#include "realtime/socketio/engine.h"

#include <fmt/format.h>

#include "realtime/pusher/events.h"
#include "wire/base64.h"

namespace utakata::realtime {
namespace {

constexpr char kSeparator = '\x1e', kBinary = 'b';

Expected<EnginePacket> packet_of_payload(std::string_view text) {
  if (!text.starts_with(kBinary)) return engine_packet(text);
  auto bytes = wire::bytes_of_base64(text.substr(1));
  if (!bytes) return problem(Problem::Kind::invalid, "A binary packet is not base64.");
  return EnginePacket{.is_binary = true, .data = std::move(*bytes)};
}

}  // namespace

Expected<EnginePacket> engine_packet(std::string_view text) {
  if (text.empty()) return problem(Problem::Kind::invalid, "A packet is empty.");
  if (text[0] < '0' || text[0] > '6')
    return problem(Problem::Kind::invalid, "A packet begins with a digit from 0 to 6.");
  return EnginePacket{.type = EngineType(text[0] - '0'), .data = std::string(text.substr(1))};
}

std::string engine_text(EngineType type, std::string_view data) {
  std::string text;
  text.reserve(data.size() + 1);
  text += char('0' + int(type));
  return text += data;
}

Expected<std::vector<EnginePacket>> engine_packets(std::string_view payload,
                                                   std::size_t packets_max) {
  std::vector<EnginePacket> packets;
  while (true) {
    if (packets.size() == packets_max)
      return problem(Problem::Kind::invalid,
                     fmt::format("A payload has {} packets at most.", packets_max));
    const auto end = payload.find(kSeparator);
    auto packet = packet_of_payload(payload.substr(0, end));
    if (!packet) return std::unexpected(std::move(packet.error()));
    packets.push_back(std::move(*packet));
    if (end == payload.npos) return packets;
    payload.remove_prefix(end + 1);
  }
}

void append_to_payload(std::string& payload, const EnginePacket& packet) {
  if (!payload.empty()) payload += kSeparator;
  if (packet.is_binary)
    payload.append(1, kBinary).append(wire::base64_of(packet.data));
  else
    payload.append(1, char('0' + int(packet.type))).append(packet.data);
}

std::size_t payload_bytes(const EnginePacket& packet) {
  return 2 + (packet.is_binary ? (packet.data.size() + 2) / 3 * 4 : packet.data.size());
}

std::string engine_open_text(const EngineOpen& open) {
  return fmt::format(R"(0{{"sid":{},"upgrades":[{}],"pingInterval":{},"pingTimeout":{},)"
                     R"("maxPayload":{}}})",
                     json_text(open.sid), open.has_upgrade ? R"("websocket")" : "",
                     to_ms(open.ping_interval), to_ms(open.ping_timeout), open.payload_bytes_max);
}

}  // namespace utakata::realtime
