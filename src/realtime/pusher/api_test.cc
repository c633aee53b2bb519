// What a tenant's server asks and is answered, without a socket.
#include "realtime/pusher/api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

struct Nobody final : PusherOut {
  void say(ClientSlot, std::string_view) override {}
  void say_all(std::string_view, Readers, std::string_view, std::optional<ClientSlot>,
               bool) override {}
  void end(ClientSlot, int, const std::string&) override {}
};

class ApiTest : public testing::Test {
 protected:
  static constexpr std::int64_t kNow_s = 1'700'000'000;

  TenantSpec spec(bool has_timelines) {
    return {.id = "1",
            .name = "show",
            .key = {"key", "secret"},
            .channels = {.has_timelines = has_timelines, .timeline = {.count = 5}}};
  }
  std::string get(const std::string& path, const std::string& query = {},
                  const std::string& method = "GET", const std::string& secret = "secret") {
    const std::string whole = "/apps/1" + path;
    ApiRequest request{.method = method, .path = whole, .query = query, .body = {}};
    const std::string signed_query = api_signed_query(request, {"key", secret}, kNow_s);
    request.query = std::string_view(signed_query).substr(1);
    const ApiAnswer answer = api_answer(app_, request, path, kNow_s, now_);
    return fmt::format("{} {}", answer.status, answer.body);
  }
  void publish(const std::string& channel, const std::string& data) {
    channels_.publish(
        channel,
        std::make_shared<const Message>(Message{.event = "said", .data = data, .is_packed = true}),
        now_);
  }

  const Instant now_{1h};
  Nobody out_;
  Channels channels_{spec(true).channels, [] { return std::string("e"); }};
  PusherApp app_{spec(true), channels_, out_, {}};
};

TEST_F(ApiTest, a_timeline_is_had_page_by_page) {
  for (const char* const data : {"\"1\"", "\"2\"", "\"3\""}) publish("news", data);
  EXPECT_EQ(get("/channels/news/timeline", "limit=2"),
            R"(200 {"epoch":"e","newest":3,"messages":[{"offset":2,"event":"said","data":"2"},)"
            R"({"offset":3,"event":"said","data":"3"}],"more":true})");
  EXPECT_EQ(get("/channels/news/timeline", "limit=2&before=2"),
            R"(200 {"epoch":"e","newest":3,"messages":[{"offset":1,"event":"said","data":"1"}],)"
            R"("more":false})");
  EXPECT_EQ(get("/channels/news/timeline", "after=2"),
            R"(200 {"epoch":"e","newest":3,"messages":[{"offset":3,"event":"said","data":"3"}],)"
            R"("more":false})");
  EXPECT_EQ(get("/channels/quiet/timeline"),
            R"(200 {"epoch":"","newest":0,"messages":[],"more":false})");
}

TEST_F(ApiTest, of_an_encrypted_channel_the_data_goes_through_as_it_came) {
  const std::string sealed = R"("{\"nonce\":\"bm9uY2U=\",\"ciphertext\":\"+/8=\"}")";
  publish("private-encrypted-a", sealed);
  EXPECT_EQ(get("/channels/private-encrypted-a/timeline"),
            R"(200 {"epoch":"e","newest":1,"messages":[{"offset":1,"event":"said","data":)" +
                sealed + R"(}],"more":false})");
}

TEST_F(ApiTest, what_is_wrong_with_a_page_is_said) {
  EXPECT_EQ(get("/channels/news/timeline", "limit=0"),
            "400 `limit` must be a whole number from 1 to 100.\n");
  EXPECT_EQ(get("/channels/news/timeline", "limit=101").substr(0, 3), "400");
  EXPECT_EQ(get("/channels/news/timeline", "before=x").substr(0, 3), "400");
  EXPECT_EQ(get("/channels/news/timeline", "before=3&after=1").substr(0, 3), "400");
  EXPECT_EQ(get("/channels/%23server-to-user-a/timeline"), "400 That is no name of a channel.\n");
  EXPECT_EQ(get("/channels/news/timeline", "", "POST"), "405 Only GET is known here.\n");
  EXPECT_EQ(get("/channels/news/timeline", "", "GET", "guessed").substr(0, 3), "401");
  EXPECT_EQ(get("/channels/a/b/timeline").substr(0, 3), "404");
  channels_.limit(spec(false).channels);
  EXPECT_EQ(get("/channels/news/timeline"), "400 This app keeps no timelines.\n");
}

}  // namespace
}  // namespace utakata::realtime
