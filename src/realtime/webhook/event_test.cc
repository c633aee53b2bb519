// Events of webhooks as a tenant's server reads them.
#include "realtime/webhook/event.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <nlohmann/json.hpp>

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;

TEST(WebhookEvent, each_kind_has_the_fields_that_the_documentation_gives_it) {
  EXPECT_EQ(webhook_item({.kind = Kind::channel_occupied, .channel = "news"})->json,
            R"({"name":"channel_occupied","channel":"news"})");
  EXPECT_EQ(webhook_item({.kind = Kind::channel_vacated, .channel = "news"})->json,
            R"({"name":"channel_vacated","channel":"news"})");
  EXPECT_EQ(
      webhook_item({.kind = Kind::member_added, .channel = "presence-a", .user_id = "ann"})->json,
      R"({"name":"member_added","channel":"presence-a","user_id":"ann"})");
  EXPECT_EQ(
      webhook_item({.kind = Kind::member_removed, .channel = "presence-a", .user_id = "ann"})->json,
      R"({"name":"member_removed","channel":"presence-a","user_id":"ann"})");
  EXPECT_EQ(webhook_item({.kind = Kind::cache_miss, .channel = "cache-a"})->json,
            R"({"name":"cache_miss","channel":"cache-a"})");
  EXPECT_EQ(
      webhook_item({.kind = Kind::subscription_count, .channel = "news", .subscription_count = 42})
          ->json,
      R"({"name":"subscription_count","channel":"news","subscription_count":42})");
}

TEST(WebhookEvent, the_data_of_a_client_event_is_a_text_whatever_the_client_sent) {
  WebhookEvent event{.kind = Kind::client_event,
                     .channel = "presence-a",
                     .user_id = "ann",
                     .event = "client-move",
                     .data = R"({"x":"y"})",
                     .socket_id = "7.1"};
  EXPECT_EQ(webhook_item(event)->json,
            R"({"name":"client_event","channel":"presence-a","event":"client-move",)"
            R"("data":"{\"x\":\"y\"}","socket_id":"7.1","user_id":"ann"})");
  event.user_id = {};
  event.data = R"("hello")";
  EXPECT_EQ(webhook_item(event)->json,
            R"({"name":"client_event","channel":"presence-a","event":"client-move",)"
            R"("data":"hello","socket_id":"7.1"})")
      << "a text stays one, and there is no user of a private channel";
  event.data = {};
  EXPECT_NE(webhook_item(event)->json.find(R"("data":"null")"), std::string::npos);
}

TEST(WebhookEvent, names_of_kinds_are_read_back) {
  for (const Kind kind : webhook_kinds) EXPECT_EQ(webhook_kind(webhook_kind_name(kind)), kind);
  EXPECT_EQ(webhook_kind("channel_existence"), std::nullopt);
  EXPECT_EQ(webhook_kind(""), std::nullopt);
}

TEST(WebhookEvent, whatever_its_texts_are_it_is_JSON_that_says_the_same) {
  EXPECT_TRUE(rc::check([] {
    const auto text = [] { return *rc::gen::string<std::string>(); };
    const auto plain = [&] {  // UTF-8 goes as it is: what clients send was looked at before
      std::string some = text();
      for (char& c : some) c = char(c & 0x7f);
      return some;
    };
    const WebhookEvent event{.kind = Kind::client_event,
                             .channel = plain(),
                             .user_id = plain(),
                             .event = plain(),
                             .data = nlohmann::json(plain()).dump(),
                             .socket_id = plain()};
    const auto json = nlohmann::json::parse(webhook_item(event)->json);
    RC_ASSERT(json["channel"] == event.channel);
    RC_ASSERT(json["event"] == event.event);
    RC_ASSERT(json["data"] == nlohmann::json::parse(event.data));
    RC_ASSERT(json["socket_id"] == event.socket_id);
    RC_ASSERT(json.value("user_id", "") == event.user_id);
  }));
}

}  // namespace
}  // namespace utakata::realtime
