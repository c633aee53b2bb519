// Texts as pusher-js and server SDKs write and read them.
#include "realtime/pusher/events.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace utakata::realtime {
namespace {

using Kind = PusherSays::Kind;

class PusherTexts : public testing::Test {
 protected:
  PusherSays read(std::string_view text) {
    const auto says = reader_.read(text);
    EXPECT_TRUE(says) << text;
    return says.value_or(PusherSays{});
  }
  PusherReader reader_;
};

TEST_F(PusherTexts, what_a_client_says_is_understood) {
  EXPECT_EQ(read(R"({"event":"pusher:ping","data":{}})").kind, Kind::ping);
  EXPECT_EQ(read(R"({"event":"pusher:pong"})").kind, Kind::pong);
  EXPECT_EQ(read(R"({"event":"pusher:whatever","data":null})").kind, Kind::unknown);

  const PusherSays comes =
      read(R"({"event":"pusher:subscribe","data":{"auth":"k:s","channel":"presence-a",)"
           R"("channel_data":"{\"user_id\":1}"}})");
  EXPECT_EQ(comes.kind, Kind::subscribe);
  EXPECT_EQ(comes.channel, "presence-a");
  EXPECT_EQ(comes.auth, "k:s");
  EXPECT_EQ(comes.channel_data, R"({"user_id":1})");
  EXPECT_FALSE(comes.wants_recovery);

  const PusherSays back =
      read(R"({"event":"pusher:subscribe","data":{"channel":"a","recover":{"epoch":"x1",)"
           R"("offset":12}}})");
  EXPECT_TRUE(back.wants_recovery);
  EXPECT_EQ(back.since, (Position{"x1", 12}));
  EXPECT_FALSE(read(R"({"event":"pusher:subscribe","data":{"channel":"a","recover":true}})").since);

  const PusherSays packed = read(R"({"event":"pusher:unsubscribe","data":"{\"channel\":\"a\"}"})");
  EXPECT_EQ(packed.kind, Kind::unsubscribe);
  EXPECT_EQ(packed.channel, "a");
}

TEST_F(PusherTexts, data_of_a_client_event_is_passed_on_as_it_came) {
  for (const char* data : {R"({"x": 1e2, "y":[1, {}]})", R"("a \"text\" \u00e4")", "12.50", "null",
                           "[ ]", "12345678901234567", "true"}) {
    const auto says = read(
        std::string(R"({"event":"client-move", "channel":"private-a","data": )") + data + " \n}");
    EXPECT_EQ(says.kind, Kind::event);
    EXPECT_EQ(says.channel, "private-a");
    EXPECT_EQ(says.data, data);
  }
  EXPECT_EQ(read(R"({"event":"client-move","channel":"private-a"})").data, "");
}

// Readers are handed the data as it came, so what is no JSON must not get that far: beside another
// reader of JSON, in each place of a client's event.
TEST_F(PusherTexts, a_client_event_is_refused_exactly_if_it_is_no_json) {
  const std::vector<std::string> values = {R"("a")",
                                           R"("\\q")",
                                           R"("\q")",
                                           R"("\\")",
                                           R"("\u00e4")",
                                           R"("\u00")",
                                           R"("a)",
                                           R"("a"x)",
                                           "\"a\tb\"",
                                           "\"\xc3\xa4\"",
                                           "\"\xc3\"",
                                           "1",
                                           "-",
                                           "01",
                                           "1.",
                                           "1e",
                                           ".5",
                                           "1e5",
                                           "12 34",
                                           "12abc",
                                           "true",
                                           "truex",
                                           "tru",
                                           "null",
                                           "nul",
                                           "nullx",
                                           "[]",
                                           "[1,[2,{}]]",
                                           "[1,,2]",
                                           "[1,]",
                                           "[1",
                                           "1]",
                                           "{}",
                                           R"({"a":1,"b":[null]})",
                                           R"({"a"})",
                                           R"({"a":})",
                                           R"({"a":1,})",
                                           R"({a:1})",
                                           R"({"\q":1})",
                                           R"({"a":"\q"})",
                                           R"([{"a":[tru]}])",
                                           "",
                                           std::string(40, '[') + std::string(40, ']'),
                                           std::string(5000, '[')};
  for (const std::string& value : values)
    for (const std::string& text :
         {R"({"event":"client-a","channel":"private-a","data":)" + value + "}",
          R"({"event":"client-a","data": )" + value + R"( ,"channel":"private-a"})",
          R"({"event":"client-a","channel":"private-a","data":1,"more":)" + value + "}",
          R"({"event":"client-a","channel":"private-a","data":1})" + value}) {
      const auto says = reader_.read(text);
      EXPECT_EQ(says.has_value(), nlohmann::json::accept(text)) << text.substr(0, 200);
      if (const auto event = client_event_in(text)) {
        ASSERT_TRUE(says) << text.substr(0, 200);
        EXPECT_EQ(event->name, says->event);
        EXPECT_EQ(event->channel, says->channel);
        EXPECT_EQ(event->data, says->data);
      }
      if (says && text.contains("\"data\":1,")) {
        EXPECT_EQ(says->data, "1");
      }
    }
  EXPECT_EQ(read(R"({"event":"client-a","data":1,"data":2})").data, "1");
}

TEST_F(PusherTexts, what_clients_mostly_write_is_read_in_one_walk) {
  for (const char* data :
       {R"("hello")", R"("a \"b\"\n\u00e4/")", "\"\xc3\xa4 \xf0\x9f\x98\x80\"", "-12.5e+3", "null",
        R"({"x":1,"y":[true,false,{}],"z":{"a":""}})", "[ ]"}) {
    const std::string text =
        fmt::format(R"( {{"event":"client-a", "data" : {} ,"channel":"private-a"}} )", data);
    const auto event = client_event_in(text);
    ASSERT_TRUE(event) << text;
    EXPECT_EQ(event->name, "client-a");
    EXPECT_EQ(event->channel, "private-a");
    EXPECT_EQ(event->data, data);
  }
  EXPECT_EQ(client_event_in(R"({"event":"client-a"})").value_or(ClientEvent{}).name, "client-a");
  for (const char* other :
       {R"({"event":"pusher:ping"})", R"({"event":"client-a","data":"\ud83d"})",
        R"({"event":"client-a","data":1234567890123456789})", R"({"event":"client-\u0061"})",
        "{\"event\":\"client-a\",\"data\":\"\xc3\"}", R"({"data":1})", R"({"event":"client-a"}})"})
    EXPECT_FALSE(client_event_in(other)) << other;
}

TEST_F(PusherTexts, what_is_no_event_is_refused) {
  for (const char* text : {"", "x", "{", "[]", "{}", R"({"event":1})", R"({"event":"a"} x)",
                           R"({"event":"client-a","data":{"x":tru}})", "\xff",
                           R"({"event":"client-a","data":{"x":1})"})
    EXPECT_FALSE(reader_.read(text)) << text;
  const std::string deep =
      R"({"event":"client-a","data":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_FALSE(reader_.read(deep)) << "5000 deep";
}

TEST_F(PusherTexts, who_comes_says_who_it_is) {
  EXPECT_EQ(reader_.read_member(R"({"user_id":10,"user_info":{"name": "Mr. X"}})").value(),
            (Member{"10", R"({"name":"Mr. X"})"}));
  EXPECT_EQ(reader_.read_member(R"({"user_id":"ann"})").value(), (Member{"ann", ""}));
  EXPECT_EQ(reader_.read_user(R"({"id":"ann","name":"Ann"})").value(), "ann");
  for (const char* bad : {"", "{}", R"({"user_id":""})", R"({"user_id":1.5})",
                          R"({"user_id":null})", R"([{"user_id":1}])"}) {
    EXPECT_FALSE(reader_.read_member(bad)) << bad;
    EXPECT_FALSE(reader_.read_user(bad)) << bad;
  }
}

TEST_F(PusherTexts, what_is_said_to_clients_is_as_the_protocol_writes_it) {
  EXPECT_EQ(say_established("1.2", 120),
            R"({"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",)"
            R"(\"activity_timeout\":120}"})");
  EXPECT_EQ(say_error(4001, "No \"x\"."),
            R"({"event":"pusher:error","data":{"code":4001,"message":"No \"x\"."}})");
  EXPECT_EQ(say_subscribed("a", {}),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"a","data":"{}"})");
  const std::vector<Member> members{{"1", R"({"n":"A"})"}, {"b", ""}};
  EXPECT_EQ(say_subscribed("presence-a", {.is_presence = true, .members = members}),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"presence-a",)"
            R"("data":"{\"presence\":{\"count\":2,\"ids\":[\"1\",\"b\"],)"
            R"(\"hash\":{\"1\":{\"n\":\"A\"},\"b\":null}}}"})");
  const Position position{"e", 3};
  EXPECT_EQ(say_subscribed("a", {.position = &position, .is_recovered = true}),
            R"({"event":"pusher_internal:subscription_succeeded","channel":"a",)"
            R"("data":"{\"position\":{\"epoch\":\"e\",\"offset\":3},\"recovered\":true}"})");
  EXPECT_EQ(say_event("a", {.event = "said", .data = R"("{\"x\":1}")"}, 7),
            R"({"event":"said","channel":"a","data":"{\"x\":1}","offset":7})");
  EXPECT_EQ(say_event("presence-a", {.event = "client-x", .data = "{}", .user = "1"}),
            R"({"event":"client-x","channel":"presence-a","data":{},"user_id":"1"})");
  EXPECT_EQ(say_member_added("presence-a", members[0]),
            R"({"event":"pusher_internal:member_added","channel":"presence-a",)"
            R"("data":"{\"user_id\":\"1\",\"user_info\":{\"n\":\"A\"}}"})");
  EXPECT_EQ(say_member_removed("presence-a", "1"),
            R"({"event":"pusher_internal:member_removed","channel":"presence-a",)"
            R"("data":"{\"user_id\":\"1\"}"})");
  EXPECT_EQ(
      say_signed_in(R"({"id":"1"})"),
      R"({"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"1\\\"}\"}"})");
}

TEST_F(PusherTexts, control_signs_are_escaped) {
  EXPECT_EQ(json_text("a\x01\t\n\\\"\xc3\xa4"), "\"a\\u0001\\u0009\\n\\\\\\\"\xc3\xa4\"");
}

}  // namespace
}  // namespace utakata::realtime
