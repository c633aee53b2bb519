// The examples of the protocol, what must not pass, and attachments that come behind.
#include "realtime/socketio/packet.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Type = SocketIoType;

Expected<SocketIoPacket> read(std::string_view text) { return SocketIoPacketReader().read(text); }

TEST(SocketIoPacket, of_the_protocols_examples_goes_both_ways) {
  const std::string placeholder = R"({"_placeholder":true,"num":0})";
  const std::pair<std::string, SocketIoPacket> packets[] = {
      {"0", {.type = Type::connect}},
      {R"(0{"token":"123"})", {.type = Type::connect, .json = R"({"token":"123"})"}},
      {R"(0/admin,{"sid":"oSO0"})",
       {.type = Type::connect, .space = "/admin", .json = R"({"sid":"oSO0"})"}},
      {R"(4{"message":"Not authorized"})",
       {.type = Type::connect_error, .json = R"({"message":"Not authorized"})"}},
      {R"(2["foo"])", {.json = R"(["foo"])"}},
      {R"(2/admin,["bar"])", {.space = "/admin", .json = R"(["bar"])"}},
      {R"(212["foo"])", {.ack = 12, .json = R"(["foo"])"}},
      {R"(2[1,"a number is a name"])", {.json = R"([1,"a number is a name"])"}},
      {R"(3/admin,13["bar"])",
       {.type = Type::ack, .space = "/admin", .ack = 13, .json = R"(["bar"])"}},
      {R"(51-["baz",)" + placeholder + "]",
       {.type = Type::binary_event, .json = R"(["baz",)" + placeholder + "]", .attachments = 1}},
      {R"(61-15["bar",)" + placeholder + "]",
       {.type = Type::binary_ack,
        .ack = 15,
        .json = R"(["bar",)" + placeholder + "]",
        .attachments = 1}},
      {"1", {.type = Type::disconnect}},
      {"1/admin,", {.type = Type::disconnect, .space = "/admin"}}};
  for (const auto& [text, packet] : packets) {
    EXPECT_EQ(read(text), packet) << text;
    EXPECT_EQ(socketio_text(packet), text);
  }
}

TEST(SocketIoPacket, may_leave_out_the_comma_where_nothing_follows) {
  EXPECT_EQ(read("0/custom")->space, "/custom");
  EXPECT_EQ(read("1/custom")->space, "/custom");
}

TEST(SocketIoPacket, of_an_unknown_type_is_refused) {
  for (const std::string text : {"", "abc", "7", "-", "a[]"}) EXPECT_FALSE(read(text)) << text;
}

TEST(SocketIoPacket, with_a_payload_that_its_type_cannot_have_is_refused) {
  for (const std::string text : {"2{}",
                                 "2",
                                 "2[]",
                                 "2[null]",
                                 "2[{}]",
                                 "2\"a\"",
                                 "2[\"a\"",
                                 "2[\"a\"] x",
                                 "2[\"a\",]",
                                 "0[]",
                                 "0\"a\"",
                                 "1{}",
                                 "3[]",
                                 "3",
                                 "31{}",
                                 "4",
                                 "4[]",
                                 "2[\"connect\"]",
                                 "2[\"disconnecting\"]",
                                 "2/a[\"b\"]",
                                 "2[\"\xff\"]"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(SocketIoPacket, with_an_ack_id_that_is_no_count_is_refused) {
  EXPECT_EQ(read(R"(29007199254740991["a"])")->ack, 9007199254740991u);
  for (const std::string id :
       {"abc", "-1", "1.5", "1e3", "01", "NaN", "9007199254740992", "99999999999999999999999999"})
    EXPECT_FALSE(read("2" + id + "[\"a\"]")) << id;
}

TEST(SocketIoPacket, with_attachments_it_cannot_have_is_refused) {
  EXPECT_TRUE(read("510-[\"a\"]"));
  for (const std::string text : {"5[\"a\"]", "5-[\"a\"]", "5a-[\"a\"]", "511-[\"a\"]", "51[\"a\"]",
                                 "501-[\"a\"]", "21-[\"a\"]"})
    EXPECT_FALSE(read(text)) << text;
  for (const std::string number : {"1", "-1", "0.5", "null", "\"0\""})
    EXPECT_FALSE(
        read(fmt::format(R"(51-["a",[{{"b":{{"_placeholder":true,"num":{}}}}}]])", number)))
        << number;
  EXPECT_FALSE(read(R"(51-["a",{"_placeholder":true}])"));
  EXPECT_TRUE(read(R"(51-["a",{"_placeholder":false}])"));
}

TEST(SocketIoPacket, that_no_websocket_could_bring_is_refused_from_a_poll_too) {
  const auto of_size = [](std::size_t size) {
    return read(fmt::format(R"(2["a","{}"])", std::string(size - 9, 'x')));
  };
  EXPECT_TRUE(of_size(64 * 1024));
  EXPECT_FALSE(of_size(64 * 1024 + 1));
}

TEST(SocketIoPacket, of_a_namespace_that_cannot_be_is_refused) {
  EXPECT_TRUE(read("0/" + std::string(199, 'a')));
  EXPECT_FALSE(read("0/" + std::string(200, 'a')));
  EXPECT_FALSE(
      read("0/a\x1e"
           "b"));
}

TEST(SocketIoAssembly, gives_a_packet_with_what_came_behind_it) {
  SocketIoAssembly assembly;
  EXPECT_TRUE(assembly.take(*read(R"(2["plain"])"))->has_value());
  EXPECT_FALSE(assembly.take(*read(R"(52-["two"])"))->has_value());
  EXPECT_FALSE(assembly.take_bytes("\1\2", 2)->has_value());
  const auto whole = assembly.take_bytes("", 2);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->attachments, (std::vector<std::string>{"\1\2", ""}));
  EXPECT_EQ((*whole)->packet.json, R"(["two"])");
  EXPECT_TRUE(assembly.take(*read(R"(50-["none"])"))->has_value());
}

TEST(SocketIoAssembly, keeps_no_more_than_can_be_of_use) {
  SocketIoAssembly assembly;
  ASSERT_TRUE(assembly.take(*read(R"(53-["three"])")));
  EXPECT_FALSE(assembly.take_bytes("12345", 6)->has_value());
  EXPECT_FALSE(assembly.take_bytes("67", 6)->has_value());
  const auto whole = assembly.take_bytes("8", 6);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->attachments, (std::vector<std::string>{"", "", ""}));
  EXPECT_EQ((*whole)->attached_bytes, 8u);
}

TEST(SocketIoAssembly, out_of_turn_is_refused) {
  SocketIoAssembly assembly;
  EXPECT_FALSE(assembly.take_bytes("none was due", 100));
  ASSERT_TRUE(assembly.take(*read(R"(51-["one"])")));
  EXPECT_FALSE(assembly.take(*read(R"(2["plain"])")));
  EXPECT_FALSE(assembly.take_bytes(std::string(socketio_limit::attached_bytes + 1, 'a'), 100));
}

}  // namespace
}  // namespace utakata::realtime
