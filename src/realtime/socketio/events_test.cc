// What a client emits, as it is read, and an event as a client of Socket.IO hears it.
#include "realtime/socketio/events.h"

#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Kind = SocketIoSays::Kind;

TEST(SocketIoSays, of_each_kind_is_read) {
  SocketIoReader reader;
  auto says = reader.read(R"(["subscribe","presence-a",{"auth":"k:s","channel_data":"{}"}])");
  EXPECT_EQ(says.kind, Kind::subscribe);
  EXPECT_EQ(says.channel + says.auth + says.channel_data, "presence-ak:s{}");
  EXPECT_EQ(reader.read(R"(["unsubscribe","a"])").kind, Kind::unsubscribe);
  says = reader.read(R"(["signin",{"auth":"k:s","user_data":"{}"}])");
  EXPECT_EQ(says.kind, Kind::sign_in);
  EXPECT_EQ(says.auth + says.user_data, "k:s{}");
  EXPECT_EQ(reader.read(R"(["signin","x",{"auth":"k:s"}])").auth, "");
  EXPECT_EQ(reader.read(R"(["else"])").kind, Kind::unknown);
  EXPECT_EQ(reader.read(R"([1,2])").kind, Kind::unknown);
}

TEST(SocketIoSays, keeps_the_data_of_a_client_event_as_it_was_written) {
  SocketIoReader reader;
  const auto data_of = [&](const std::string& data) {
    return reader.read(R"(["client-a","private-a" , )" + data + " ]").data;
  };
  for (const std::string data :
       {R"({"x": [1.0, 2e3],"y":"\u00e9"})", "[ ]", "\"a\"", "1.50", "null", "true"})
    EXPECT_EQ(data_of(data), data);
  EXPECT_EQ(data_of("7,8"), "7") << "more of them are not passed on";
  EXPECT_EQ(reader.read(R"(["client-a","private-a"])").data, "null");
}

TEST(SocketIoSays, of_a_connect_tells_where_it_stood) {
  SocketIoReader reader;
  const auto asks = reader.read_connect(R"({"pid":"p","offset":"e-1","token":"t"})");
  EXPECT_EQ(asks.pid, "p");
  EXPECT_EQ(asks.offset, "e-1");
  EXPECT_EQ(reader.read_connect(R"({"pid":7,"offset":8})").pid, "");
  EXPECT_EQ(reader.read_connect(R"({"pid":"p"})").offset, std::nullopt);
  EXPECT_EQ(reader.read_connect("").pid, "");
}

TEST(SocketIoEvent, has_the_data_and_then_the_channel_and_then_the_offset) {
  const Message message{.event = "a \"b\"", .data = R"({"x":1})", .user = "ann"};
  EXPECT_EQ(socketio_event("/", "news", message),
            R"(2["a \"b\"",{"x":1},{"channel":"news","user_id":"ann"}])");
  EXPECT_EQ(socketio_event("/b", "news", {.event = "a", .data = "1"}, "e-7"),
            R"(2/b,["a",1,{"channel":"news"},"e-7"])");
  EXPECT_EQ(socketio_event("/", "c", {.event = "a", .data = "1"}, "", 2),
            R"(52-["a",1,{"channel":"c"}])");
}

TEST(SocketIoEvent, is_read_again_by_who_reads_packets) {
  SocketIoPacketReader reader;
  EXPECT_TRUE(reader.read(socketio_event("/b", "n", {.event = "\x01\n", .data = "[]"}, "e-1")));
  EXPECT_TRUE(reader.read(socketio_connected("/b", "sid", "")));
  EXPECT_TRUE(reader.read(socketio_refused("/", "no \"reason\"")));
  const Member members[] = {{"ann", ""}, {"b\"ob", "{}"}};
  EXPECT_TRUE(reader.read(socketio_done({.ack = 1}, members)));
  EXPECT_TRUE(reader.read(socketio_failed({.ack = 1}, "why")));
}

}  // namespace
}  // namespace utakata::realtime
