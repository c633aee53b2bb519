#include "realtime/socketio/node_cluster.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace utakata::realtime {
namespace {

// What was recorded, from @socket.io/redis-emitter 5.1.0 (notepack.io 3.0.1) and
// @socket.io/redis-adapter 8.3.0 under socket.io 4.8.4: each was given a Redis client whose
// publish(channel, message) prints its arguments, the message as hexadecimal where it is a Buffer.
// The line above each is the call that was made. The adapter's uid was set to "AbCdEf".
std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

Expected<NodeBroadcast> recorded(std::string_view hex) { return node_broadcast(bytes_of(hex)); }

TEST(NodeCluster, what_an_emitter_says_is_understood) {
  // e.emit("hello", 1, "two", { three: [true, null, 4.5] })                      socket.io#/#
  EXPECT_EQ(
      recorded("93a7656d697474657283a47479706502a46461746194a568656c6c6f01a374776f81a5746872"
               "656593c3c0cb4012000000000000a36e7370a12f83a5726f6f6d7390a5666c61677380a66578"
               "6365707490"),
      (NodeBroadcast{.uid = "emitter", .json = R"(["hello",1,"two",{"three":[true,null,4.5]}])"}));
  // e.to("room1").emit("bin", Buffer.from([1, 2, 3]), { nested: [Buffer.from("ff00", "hex")] })
  //                                                                        socket.io#/#room1#
  const auto bin = recorded(
      "93a7656d697474657283a47479706502a46461746193a362696ec40301020381a66e657374656491c402"
      "ff00a36e7370a12f83a5726f6f6d7391a5726f6f6d31a5666c61677380a665786365707490");
  EXPECT_EQ(bin, (NodeBroadcast{.uid = "emitter",
                                .to = {.rooms = {"room1"}},
                                .json = R"(["bin",{"_placeholder":true,"num":0},)"
                                        R"({"nested":[{"_placeholder":true,"num":1}]}])",
                                .attachments = {"\1\2\3", std::string("\xff\0", 2)}}));
  EXPECT_EQ(node_channel("socket.io", *bin), "socket.io#/#room1#");
  // e.to(["a", "b"]).except("c").volatile.emit("many")                           socket.io#/#
  const auto many = recorded(
      "93a7656d697474657283a47479706502a46461746191a46d616e79a36e7370a12f83a5726f6f6d7392a1"
      "61a162a5666c61677381a8766f6c6174696c65c3a665786365707491a163");
  EXPECT_EQ(many, (NodeBroadcast{.uid = "emitter",
                                 .to = {.rooms = {"a", "b"}, .except = {"c"}},
                                 .json = R"(["many"])",
                                 .is_volatile = true}));
  EXPECT_EQ(node_channel("socket.io", *many), "socket.io#/#");
  // e.of("/chat").in("ü").emit("ev", undefined, new Date(0), -1, 4294967296, "_placeholder")
  //                                                                       socket.io#/chat#ü#
  const auto chat = recorded(
      "93a7656d697474657283a47479706502a46461746196a26576c0d6ff00000000ffcf0000000100000000"
      "ac5f706c616365686f6c646572a36e7370a52f6368617483a5726f6f6d7391a2c3bca5666c61677380a6"
      "65786365707490");
  EXPECT_EQ(chat, (NodeBroadcast{.uid = "emitter",
                                 .space = "/chat",
                                 .to = {.rooms = {"ü"}},
                                 .json = R"(["ev",null,"1970-01-01T00:00:00.000Z",-1,4294967296,)"
                                         R"("_placeholder"])"}));
  EXPECT_EQ(node_channel("socket.io", *chat), "socket.io#/chat#ü#");
}

TEST(NodeCluster, what_an_adapter_says_is_said_with_the_same_bytes) {
  struct Case {
    const char* hex;
    NodeBroadcast broadcast;
  };
  const Case cases[] = {
      // io.emit("hello", { a: 1 })                                               socket.io#/#
      {"93a641624364456683a47479706502a46461746192a568656c6c6f81a16101a36e7370a12f83a5726f6f6d7390a"
       "6"
       "65786365707490a5666c61677380",
       {.uid = "AbCdEf", .json = R"(["hello",{"a":1}])"}},
      // io.to("room1").except("s1").emit("x", Buffer.from([9]))             socket.io#/#room1#
      {"93a641624364456683a47479706502a46461746192a178c40109a36e7370a12f83a5726f6f6d7391a5726f6f6d3"
       "1"
       "a665786365707491a27331a5666c61677380",
       {.uid = "AbCdEf",
        .to = {.rooms = {"room1"}, .except = {"s1"}},
        .json = R"(["x",{"_placeholder":true,"num":0}])",
        .attachments = {"\t"}}},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(recorded(one.hex), one.broadcast);
    EXPECT_EQ(node_bytes(one.broadcast), bytes_of(one.hex));
  }
}

TEST(NodeCluster, requests_are_understood_and_said) {
  struct Case {
    const char* text;
    NodeRequest request;
  };
  using Kind = NodeRequest::Kind;
  const Case cases[] = {
      // e.socketsJoin("new")                                             socket.io-request#/#
      {R"({"type":2,"opts":{"rooms":[],"except":[]},"rooms":["new"]})",
       {.kind = Kind::join, .rooms = {"new"}}},
      // e.in("room1").except("x").socketsLeave(["p", "q"])
      {R"({"type":3,"opts":{"rooms":["room1"],"except":["x"]},"rooms":["p","q"]})",
       {.kind = Kind::leave, .to = {{"room1"}, {"x"}}, .rooms = {"p", "q"}}},
      // e.of("/chat").in("room1").disconnectSockets(true)            socket.io-request#/chat#
      {R"({"type":4,"opts":{"rooms":["room1"],"except":[]},"close":true})",
       {.kind = Kind::disconnect, .to = {{"room1"}, {}}, .is_close = true}},
      // io.in("room1").socketsJoin("j"), io.in("room1").disconnectSockets()
      {R"({"uid":"AbCdEf","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["j"]})",
       {.kind = Kind::join, .uid = "AbCdEf", .to = {{"room1"}, {}}, .rooms = {"j"}}},
      {R"({"uid":"AbCdEf","type":4,"opts":{"rooms":["room1"],"except":[]},"close":false})",
       {.kind = Kind::disconnect, .uid = "AbCdEf", .to = {{"room1"}, {}}}},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(node_request(one.text), one.request);
    EXPECT_EQ(node_text(one.request), one.text);
  }
  EXPECT_EQ(node_request_channel("socket.io", "/chat"), "socket.io-request#/chat#");
  // e.serverSideEmit("hey", 1)
  EXPECT_EQ(node_request(R"({"uid":"emitter","type":6,"data":["hey",1]})"), std::nullopt);
  EXPECT_EQ(node_request("\x83\xa4type\x07"), std::nullopt);
  for (const auto* text :
       {"{", "{}", R"({"type":"2"})", R"({"type":2,"opts":[]})",
        R"({"type":2,"opts":{"rooms":"a"}})", R"({"type":2,"opts":{},"rooms":[{}]})"})
    EXPECT_FALSE(node_request(text)) << text;
}

TEST(NodeCluster, questions_are_understood_and_answered) {
  using Kind = NodeQuestion::Kind;
  const std::string answer_rooms[] = {"a", "ü"};
  const NodeSocket answer_sockets[] = {{"1.2", {"1.2", "a"}}};
  // io.in("room1").except("x").fetchSockets()
  const NodeQuestion sockets{
      .kind = Kind::sockets, .uid = "AbCdEf", .id = "UCvWEs", .to = {{"room1"}, {"x"}}};
  EXPECT_EQ(node_question(R"({"uid":"AbCdEf","requestId":"UCvWEs","type":5,)"
                          R"("opts":{"rooms":["room1"],"except":["x"]}})"),
            sockets);
  EXPECT_EQ(node_answer_sockets(sockets, answer_sockets),
            R"({"requestId":"UCvWEs","sockets":[{"id":"1.2","handshake":{"headers":{},"time":"",)"
            R"("address":"","xdomain":false,"secure":false,"issued":0,"url":"","query":{},)"
            R"("auth":{}},"rooms":["1.2","a"],"data":{}}]})");
  // io.of("/").adapter.allRooms()
  const NodeQuestion rooms{.kind = Kind::rooms, .uid = "AbCdEf", .id = "nIYw6_"};
  EXPECT_EQ(node_question(R"({"uid":"AbCdEf","requestId":"nIYw6_","type":1})"), rooms);
  EXPECT_EQ(node_answer_rooms(rooms, answer_rooms), R"({"requestId":"nIYw6_","rooms":["a","ü"]})");
  // As older adapters asked.
  const NodeQuestion sids{.kind = Kind::sids, .uid = "u", .id = "i", .to = {{"r"}, {}}};
  EXPECT_EQ(node_question(R"({"uid":"u","requestId":"i","type":0,"rooms":["r"]})"), sids);
  EXPECT_EQ(node_answer_sockets(sids, answer_sockets), R"({"requestId":"i","sockets":["1.2"]})");
  // io.serverSideEmitWithAck("hey", 1); and io.serverSideEmit("hey", 1) asks nothing
  const NodeQuestion emit{.kind = Kind::emit, .uid = "AbCdEf", .id = "RuDCjj"};
  EXPECT_EQ(node_question(R"({"uid":"AbCdEf","requestId":"RuDCjj","type":6,"data":["hey",1]})"),
            emit);
  EXPECT_EQ(node_answer_none(emit), R"({"type":6,"requestId":"RuDCjj","data":null})");
  EXPECT_EQ(node_question(R"({"uid":"AbCdEf","type":6,"data":["hey",1]})"), std::nullopt);
  // io.to("room1").timeout(50).emit("q", Buffer.from([1]), () => {})
  const auto event = node_question(
      bytes_of("85a3756964a6416243644566a9726571756573744964a6506b504a715fa47479706507a67061636b65"
               "7483a47479706502a46461746192a171c40101a36e7370a12fa46f70747383a5726f6f6d7391a5726f"
               "6f6d31a665786365707490a5666c61677381a774696d656f757432"));
  EXPECT_EQ(event, (NodeQuestion{.kind = Kind::event_count,
                                 .uid = "AbCdEf",
                                 .id = "PkPJq_",
                                 .broadcast = {.uid = "AbCdEf",
                                               .to = {{"room1"}, {}},
                                               .json = R"(["q",{"_placeholder":true,"num":0}])",
                                               .attachments = {"\1"}}}));
  EXPECT_EQ(node_answer_none(**event), R"({"type":8,"requestId":"PkPJq_","clientCount":0})");
  EXPECT_EQ(node_response_channel("socket.io", "/chat"), "socket.io-response#/chat#");
  EXPECT_EQ(node_question(R"({"type":2,"requestId":"a","opts":{}})"), std::nullopt);
  for (const std::string_view text :
       {"", "{", "{}", "[]", "\xc1", R"({"type":-1})", R"({"type":5,"requestId":"a"})",
        R"({"type":5,"requestId":"a","opts":{"rooms":[[]]}})",
        R"({"type":0,"requestId":"a","rooms":1})", R"({"type":7,"requestId":"a"})",
        "\x82\xa4type\x01\xa9requestId\xa1\xff"})
    EXPECT_FALSE(node_question(text)) << text;
}

TEST(NodeCluster, a_pattern_means_its_letters) {
  EXPECT_EQ(node_pattern("socket.io", "/chat"), "socket.io#/chat#*");
  EXPECT_EQ(node_pattern("a*b?", "/[x]\\"), R"(a\*b\?#/\[x\]\\#*)");
}

TEST(NodeCluster, a_broadcast_is_a_message_of_its_first_argument) {
  const auto first = node_message({.json = R"(["said",{"a":[1]},"second"])"});
  EXPECT_EQ(first.event, "said");
  EXPECT_EQ(first.data, R"({"a":[1]})");
  EXPECT_EQ(node_message({.json = R"(["said"])"}).data, "null");
}

TEST(NodeCluster, what_is_no_event_cannot_be_said) {
  for (const auto* json : {"", "{}", "[]", "[1]", "[\"disconnect\"]", "[\"x\"",
                           R"(["x",{"_placeholder":true,"num":1}])",
                           R"(["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}])",
                           R"(["x",{"_placeholder":true}])", R"(["x"])"})
    EXPECT_FALSE(node_bytes({.uid = "u", .json = json, .attachments = {"a"}})) << json;
  EXPECT_FALSE(node_bytes(
      {.uid = "u", .json = "[\"x\"," + std::string(100, '[') + std::string(100, ']') + "]"}));
}

TEST(NodeCluster, hostile_broadcasts_are_refused) {
  const auto packed = [](std::string_view data) {
    std::string bytes = "\x93\xa1u\x83\xa4type\x02\xa4";
    bytes += "data";
    bytes += data;
    bytes += "\xa3nsp\xa1/\x83\xa5rooms\x90\xa6";
    bytes += "except\x90\xa5";
    bytes += "flags\x80";
    return bytes;
  };
  EXPECT_TRUE(node_broadcast(packed("\x91\xa1x")));
  EXPECT_FALSE(
      node_broadcast(packed("\x91\xaa"
                            "disconnect")));
  EXPECT_FALSE(node_broadcast(packed("\x91\xa1\xff")));           // not UTF-8
  EXPECT_FALSE(node_broadcast(packed("\x92\xa1x\xd4\x05\x01")));  // an unknown type
  EXPECT_FALSE(node_broadcast(packed("\x92\xa1x\x81\xac_placeholder\xc3")));
  EXPECT_FALSE(node_broadcast(packed("\x90")));
  EXPECT_FALSE(node_broadcast(packed("\x9c\xa1x" + [] {
    std::string many;
    for (int i = 0; i < 11; ++i) many += "\xc4\x01z";
    return many;
  }())));
  EXPECT_FALSE(node_broadcast(packed("\x92\xa1x" + std::string(1'000'000, '\x91') + "\xc0")));
  EXPECT_FALSE(node_broadcast(std::string(1'000'000, '\x91')));
  EXPECT_FALSE(node_broadcast("\xdd\xff\xff\xff\xff"));
  EXPECT_FALSE(node_broadcast(""));
  EXPECT_FALSE(node_broadcast(packed("\x91\xa1x") + "more"));
}

TEST(NodeCluster, whatever_is_understood_of_hostile_bytes_can_be_said_again) {
  Random random(20261123);
  const auto good = bytes_of(
      "93a7656d697474657283a47479706502a46461746193a362696ec40301020381a66e657374656491c402ff00a36e"
      "7370a12f83a5726f6f6d7391a5726f6f6d31a5666c61677380a665786365707490");
  int understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = good;
    for (auto times = 1 + random.below(3); times > 0; --times)
      bytes[random.below(bytes.size())] = char(random.below(256));
    const auto broadcast = node_broadcast(bytes);
    if (!broadcast) continue;
    ++understood;
    const auto again = node_bytes(*broadcast);
    ASSERT_TRUE(again) << broadcast->json;
    EXPECT_EQ(node_broadcast(*again), broadcast);
  }
  EXPECT_GT(understood, 100);
}

}  // namespace
}  // namespace utakata::realtime
