// One client of Engine.IO and what it is told, without a connection. GETs, POSTs and the WebSocket
// are lines of a story: "get: 4a", "ws: 3probe".
#include "realtime/socketio/session.h"

#include <gtest/gtest.h>

#include <utility>

namespace utakata::realtime {
namespace {

struct Story final : EngineOut {
  void heard(ClientSlot, const EnginePacket& message) override {
    line((message.is_binary ? "heard bytes: " : "heard: ") + message.data);
    if (session && message.data == "say back") session->say("back");
    if (session && message.data == "close") session->close(Instant{});
  }
  void answer_get(ClientSlot, const std::string& body) override { line("get: " + body); }
  void write(ClientSlot, const EnginePacket& packet) override {
    line(packet.is_binary ? "ws bytes: " + packet.data
                          : "ws: " + engine_text(packet.type, packet.data));
  }
  void drop_websocket(ClientSlot) override { line("ws dropped"); }
  void closed(ClientSlot, const char* why) override { line(std::string("closed: ") + why); }
  void line(const std::string& text) { lines += text + "\n"; }
  std::string told() { return std::exchange(lines, {}); }
  std::string lines;
  EngineSession* session = nullptr;
};

class EngineSessionTest : public testing::Test {
 protected:
  std::string post(std::string_view body) {
    if (const auto refusal = polls_.begin_post()) return refusal->json();
    const auto refusal = polls_.end_post(body, now_);
    return refusal ? refusal->json() : "ok";
  }
  std::string get() {
    const auto refusal = polls_.get();
    return (refusal ? refusal->json() : "") + out_.told();
  }
  void upgrade() {
    ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
    polls_.websocket_says("2probe", now_);
    polls_.websocket_says("5", now_);
    EXPECT_EQ(out_.told(), "ws: 3probe\n");
  }
  const std::string refused_ = EngineRefusal{}.json();
  const std::string unknown_ = EngineRefusal{EngineFault::sid_unknown}.json();
  Instant now_{1h};
  Story out_;
  EngineSession polls_{7,    {.sid = "a"}, EngineTransport::polling, {.waiting_bytes = 20},
                       out_, now_};
  EngineSession socket_{8, {.sid = "b"}, EngineTransport::websocket, {}, out_, now_};
};

TEST_F(EngineSessionTest, opens_and_offers_an_upgrade_to_who_polls) {
  EXPECT_NE(polls_.opening().find(R"({"sid":"a","upgrades":["websocket"],)"), std::string::npos);
  EXPECT_NE(socket_.opening().find(R"({"sid":"b","upgrades":[],)"), std::string::npos);
  EXPECT_EQ(out_.told(), "") << "the handshake is the caller's to answer";
}

TEST_F(EngineSessionTest, hears_posts_and_answers_gets_in_their_order) {
  EXPECT_EQ(post("4one"), "ok");
  EXPECT_EQ(post("4two\x1e"
                 "bAQI="),
            "ok");
  EXPECT_EQ(out_.told(), "heard: one\nheard: two\nheard bytes: \1\2\n");
  polls_.say("a"), polls_.say_bytes("\1\2"), polls_.say("b");
  EXPECT_EQ(get(),
            "get: 4a\x1e"
            "bAQI=\x1e"
            "4b\n");
  EXPECT_EQ(get(), "") << "it waits";
  polls_.say("c");
  EXPECT_EQ(out_.told(), "get: 4c\n");
  out_.session = &polls_;
  EXPECT_EQ(post("4say back"), "ok");
  EXPECT_EQ(get(), "heard: say back\nget: 4back\n");
}

TEST_F(EngineSessionTest, ends_upon_a_payload_that_is_none) {
  EXPECT_EQ(post("abc"), refused_);
  EXPECT_EQ(out_.told(), "closed: a payload that is none\n");
  EXPECT_EQ(get(), unknown_);
  EXPECT_EQ(post("4a"), unknown_);
  polls_.say("to nobody");
  polls_.tick(now_ + 1h);
  EXPECT_EQ(out_.told(), "");
  EXPECT_EQ(polls_.due(), Instant::max());
}

TEST_F(EngineSessionTest, ends_upon_a_payload_that_is_not_utf_8) {
  EXPECT_EQ(post("4\xff"), refused_);
  EXPECT_EQ(out_.told(), "closed: a payload that is none\n");
}

TEST_F(EngineSessionTest, hears_nothing_of_a_payload_behind_its_end) {
  EXPECT_EQ(post("4a\x1e"
                 "1\x1e"
                 "4b"),
            "ok");
  EXPECT_EQ(out_.told(), "heard: a\nclosed: closed by the client\n");
}

TEST_F(EngineSessionTest, may_be_closed_by_who_hears_it) {
  out_.session = &polls_;
  EXPECT_EQ(post("4close\x1e"
                 "4b"),
            "ok");
  EXPECT_EQ(out_.told(), "heard: close\nclosed: closed by us\n");
}

TEST_F(EngineSessionTest, ends_upon_a_second_get_beside_the_first) {
  EXPECT_EQ(get(), "");
  EXPECT_EQ(get(), refused_ + "get: 1\nclosed: two GETs at a time\n");
  EXPECT_EQ(get(), unknown_);
}

TEST_F(EngineSessionTest, ends_upon_a_second_post_beside_the_first) {
  EXPECT_EQ(get(), "");
  EXPECT_EQ(polls_.begin_post(), std::nullopt) << "a GET beside it is as it should be";
  EXPECT_EQ(polls_.begin_post(), EngineRefusal{});
  EXPECT_EQ(out_.told(), "get: 1\nclosed: two POSTs at a time\n");
  EXPECT_EQ(polls_.end_post("4late", now_), EngineRefusal{}) << "of the first";
  EXPECT_EQ(out_.told(), "");
}

TEST_F(EngineSessionTest, refuses_a_body_that_is_too_large_and_goes_on) {
  ASSERT_EQ(polls_.begin_post(), std::nullopt);
  EXPECT_EQ(polls_.end_post(std::string(1'000'001, '4'), now_)->status, 413);
  EXPECT_EQ(post("4a"), "ok");
}

TEST_F(EngineSessionTest, ends_where_too_much_waits_for_the_next_get) {
  polls_.say("0123456789");
  EXPECT_EQ(out_.told(), "");
  polls_.say("0123456789");
  EXPECT_EQ(out_.told(), "closed: too much waits for its next GET\n");
}

TEST_F(EngineSessionTest, is_emptied_by_each_get_so_that_more_may_wait) {
  for (int i = 0; i < 5; ++i) {
    polls_.say("0123456789");
    EXPECT_EQ(get(), "get: 40123456789\n");
  }
}

TEST_F(EngineSessionTest, ends_when_a_request_breaks) {
  EXPECT_EQ(get(), "");
  polls_.request_breaks();
  EXPECT_EQ(out_.told(), "closed: a request broke\n") << "nobody is there to be answered";
}

TEST_F(EngineSessionTest, pings_who_polls_and_wants_a_pong) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get(), "");
    EXPECT_EQ(polls_.due(), now_ + 25s);
    polls_.tick(now_ + 25s - 1ms);
    EXPECT_EQ(out_.told(), "");
    polls_.tick(now_ += 25s);
    EXPECT_EQ(out_.told(), "get: 2\n");
    EXPECT_EQ(polls_.due(), now_ + 20s);
    now_ += 19s;
    EXPECT_EQ(post("3"), "ok");
  }
}

TEST_F(EngineSessionTest, ends_without_a_pong) {
  polls_.tick(now_ += 25s);
  EXPECT_EQ(post("4not a pong"), "ok");
  polls_.tick(now_ += 20s);
  EXPECT_EQ(out_.told(), "heard: not a pong\nclosed: no pong\n");
  EXPECT_EQ(get(), unknown_);
}

TEST_F(EngineSessionTest, on_a_websocket_pings_and_ends_the_same_way) {
  socket_.tick(now_ += 25s);
  EXPECT_EQ(out_.told(), "ws: 2\n");
  socket_.websocket_says("3", now_ += 1s);
  socket_.tick(now_ += 25s);
  EXPECT_EQ(out_.told(), "ws: 2\n");
  socket_.tick(now_ += 20s);
  EXPECT_EQ(out_.told(), "ws dropped\nclosed: no pong\n");
}

TEST_F(EngineSessionTest, takes_no_pongs_in_advance) {
  socket_.websocket_says("3", now_ + 20s);
  EXPECT_EQ(socket_.due(), now_ + 25s);
}

TEST_F(EngineSessionTest, ends_upon_a_ping_of_the_client) {
  socket_.websocket_says("2", now_);
  EXPECT_EQ(out_.told(), "ws dropped\nclosed: a ping of the client: it speaks protocol 3\n");
}

TEST_F(EngineSessionTest, on_a_websocket_hears_and_says_text_and_bytes) {
  socket_.websocket_says("4hello", now_);
  socket_.websocket_says_bytes("\1\2", now_);
  socket_.say("hello"), socket_.say_bytes("\3");
  EXPECT_EQ(out_.told(), "heard: hello\nheard bytes: \1\2\nws: 4hello\nws bytes: \3\n");
}

TEST_F(EngineSessionTest, on_a_websocket_ends_upon_a_packet_that_is_none) {
  socket_.websocket_says("abc", now_);
  EXPECT_EQ(out_.told(), "ws dropped\nclosed: a packet that is none\n");
}

TEST_F(EngineSessionTest, is_closed_by_a_client_that_polls) {
  EXPECT_EQ(get(), "");
  EXPECT_EQ(post("1"), "ok");
  EXPECT_EQ(out_.told(), "get: 6\nclosed: closed by the client\n");
  EXPECT_EQ(get(), unknown_);
}

TEST_F(EngineSessionTest, is_closed_by_a_client_on_a_websocket) {
  socket_.websocket_says("1", now_);
  EXPECT_EQ(out_.told(), "ws dropped\nclosed: closed by the client\n");
  socket_.websocket_closes();
  EXPECT_EQ(out_.told(), "");
}

TEST_F(EngineSessionTest, ends_with_its_websocket) {
  socket_.websocket_closes();
  EXPECT_EQ(out_.told(), "closed: its WebSocket closed\n");
}

TEST_F(EngineSessionTest, closed_by_us_still_says_what_waits) {
  polls_.say("last words");
  polls_.close(now_);
  EXPECT_EQ(out_.told(), "");
  EXPECT_EQ(post("4too late"), refused_);
  EXPECT_EQ(get(),
            "get: 4last words\x1e"
            "1\nclosed: closed by us\n");
}

TEST_F(EngineSessionTest, closed_by_us_ends_at_once_where_nothing_waits) {
  EXPECT_EQ(get(), "");
  polls_.close(now_);
  EXPECT_EQ(out_.told(), "get: 1\nclosed: closed by us\n");
  socket_.close(now_);
  EXPECT_EQ(out_.told(), "ws dropped\nclosed: closed by us\n");
}

TEST_F(EngineSessionTest, closed_by_us_ends_in_time_though_nobody_asks) {
  polls_.say("last words");
  polls_.close(now_);
  EXPECT_EQ(polls_.due(), now_ + 20s);
  polls_.tick(now_ + 20s);
  EXPECT_EQ(out_.told(), "closed: closed by us\n");
}

TEST_F(EngineSessionTest, goes_from_polls_to_a_websocket) {
  EXPECT_EQ(get(), "");
  ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
  polls_.websocket_says("2probe", now_);
  EXPECT_EQ(out_.told(), "ws: 3probe\nget: 6\n");
  EXPECT_EQ(get(), "get: 6\n") << "at once: the client waits for it";
  polls_.say("meanwhile");
  polls_.websocket_says("5", now_);
  polls_.websocket_says("4hello", now_);
  polls_.say("after");
  EXPECT_EQ(out_.told(), "ws: 4meanwhile\nheard: hello\nws: 4after\n");
  EXPECT_EQ(polls_.transport(), EngineTransport::websocket);
}

TEST_F(EngineSessionTest, says_what_waits_to_a_get_during_the_probe) {
  ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
  polls_.websocket_says("2probe", now_);
  polls_.say("a");
  EXPECT_EQ(get(), "ws: 3probe\nget: 4a\n");
  EXPECT_EQ(get(), "get: 6\n");
}

TEST_F(EngineSessionTest, after_the_upgrade_refuses_requests_and_goes_on) {
  ASSERT_EQ(polls_.begin_post(), std::nullopt);
  upgrade();
  EXPECT_EQ(polls_.end_post("4on its way", now_), std::nullopt);
  EXPECT_EQ(out_.told(), "heard: on its way\n");
  EXPECT_EQ(get(), refused_);
  EXPECT_EQ(post("4a"), refused_);
  EXPECT_EQ(polls_.websocket_opens(now_), EngineRefusal{});
  polls_.websocket_says("4hello", now_);
  EXPECT_EQ(out_.told(), "heard: hello\n");
}

TEST_F(EngineSessionTest, goes_on_polling_when_the_probe_fails) {
  for (const std::string words : {"5", "4hello", "abc", ""}) {
    ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
    EXPECT_EQ(polls_.websocket_opens(now_), EngineRefusal{}) << "one at a time";
    polls_.websocket_says(words, now_);
    EXPECT_EQ(out_.told(), "ws dropped\n") << words;
  }
  ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
  polls_.websocket_closes();
  ASSERT_EQ(polls_.websocket_opens(now_), std::nullopt);
  polls_.websocket_says("2probe", now_);
  EXPECT_EQ(polls_.due(), now_ + 10s);
  polls_.tick(now_ + 10s);
  EXPECT_EQ(out_.told(), "ws: 3probe\nws dropped\n");
  EXPECT_EQ(post("4still here"), "ok");
  EXPECT_EQ(out_.told(), "heard: still here\n");
}

}  // namespace
}  // namespace utakata::realtime
