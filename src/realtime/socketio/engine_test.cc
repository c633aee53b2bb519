// The examples of the protocol, and what must not pass.
#include "realtime/socketio/engine.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Type = EngineType;

EnginePacket bytes(std::string data) { return {.is_binary = true, .data = std::move(data)}; }

TEST(EnginePacket, of_each_type_is_a_digit_and_its_data) {
  const std::pair<std::string, EnginePacket> packets[] = {
      {"0{}", {.type = Type::open, .data = "{}"}},
      {"1", {.type = Type::close}},
      {"2", {.type = Type::ping}},
      {"2probe", {.type = Type::ping, .data = "probe"}},
      {"3probe", {.type = Type::pong, .data = "probe"}},
      {"4hello", {.type = Type::message, .data = "hello"}},
      {"4", {.type = Type::message}},
      {"5", {.type = Type::upgrade}},
      {"6", {.type = Type::noop}}};
  for (const auto& [text, packet] : packets) {
    EXPECT_EQ(engine_packet(text), packet) << text;
    EXPECT_EQ(engine_text(packet.type, packet.data), text);
  }
}

TEST(EnginePacket, without_a_known_digit_is_refused) {
  for (const std::string text : {"", "abc", "7", "-1", "b", "bAQID", "\x1e"})
    EXPECT_FALSE(engine_packet(text)) << text;
}

TEST(EnginePayload, of_texts_and_bytes_goes_both_ways) {
  const std::vector<EnginePacket> packets = {
      {.data = "hello"}, {.type = Type::ping}, bytes(std::string("\1\2\3\4", 4)), {.data = "é"}};
  std::string payload;
  std::size_t most = 0;
  for (const EnginePacket& packet : packets)
    append_to_payload(payload, packet), most += payload_bytes(packet);
  EXPECT_EQ(payload,
            "4hello\x1e"
            "2\x1e"
            "bAQIDBA==\x1e"
            "4é");
  EXPECT_EQ(payload.size() + 1, most);
  EXPECT_EQ(engine_packets(payload), packets);
}

TEST(EnginePayload, of_one_packet_is_that_packet) {
  EXPECT_EQ(engine_packets("4hello"), (std::vector<EnginePacket>{{.data = "hello"}}));
  EXPECT_EQ(engine_packets("b"), std::vector<EnginePacket>{bytes("")});
}

TEST(EnginePayload, with_one_bad_packet_is_refused_whole) {
  for (const std::string payload : {"", "abc", "4a\x1e",
                                    "\x1e"
                                    "4a",
                                    "4a\x1e\x1e"
                                    "4b",
                                    "4a\x1e"
                                    "x",
                                    "4a\x1e"
                                    "bA",
                                    "b*AAA"})
    EXPECT_FALSE(engine_packets(payload)) << payload;
}

TEST(EnginePayload, with_too_many_packets_is_refused) {
  EXPECT_TRUE(
      engine_packets("4a\x1e"
                     "4b",
                     2));
  EXPECT_FALSE(
      engine_packets("4a\x1e"
                     "4b\x1e"
                     "4c",
                     2));
}

TEST(EngineOpen, tells_times_in_milliseconds_and_the_upgrade_where_there_is_one) {
  EXPECT_EQ(engine_open_text({.sid = "lv_VI97HAXpY6yYWAAAC", .has_upgrade = true}),
            R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,)"
            R"("pingTimeout":20000,"maxPayload":1000000})");
  EXPECT_EQ(engine_open_text({.sid = "a", .ping_interval = 300ms, .ping_timeout = 200ms}),
            R"(0{"sid":"a","upgrades":[],"pingInterval":300,"pingTimeout":200,)"
            R"("maxPayload":1000000})");
}

}  // namespace
}  // namespace utakata::realtime
