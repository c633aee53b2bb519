// A tenant's hooks: who hears what, signed as its SDK will look at it.
#include "realtime/webhook/webhooks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;
constexpr WallTime wall{1'700'000'000'000ms};
const TenantKey tenant{"key", "secret"};

class WebhooksTest : public testing::Test {
 protected:
  void hooks(std::vector<WebhookSpec> specs, OutboxLimits outbox = {.batch_for = 0s}) {
    webhooks_.emplace(tenant, std::move(specs), WebhookLimits{.outbox = outbox});
  }
  void happens(Kind kind, const std::string& channel, const std::string& user = {}) {
    webhooks_->occurred({.kind = kind, .channel = channel, .user_id = user}, now_);
  }
  std::vector<Webhooks::Delivery> due() { return webhooks_->due(now_, wall); }
  // All that goes now, taken at once: "url: events;".
  std::string told() {
    std::string all;
    for (auto some = due(); !some.empty(); some = due())
      for (const auto& one : some) {
        const auto from = one.body.find('[');
        all += one.url.substr(8) + ": " + one.body.substr(from, one.body.size() - from - 1) + ";";
        webhooks_->answered(one.id, true, now_);
      }
    return all;
  }
  Instant now_{1h};
  std::optional<Webhooks> webhooks_;
};

TEST_F(WebhooksTest, a_channel_is_occupied_and_the_tenants_server_hears_it_signed) {
  hooks({{.url = "https://a.example/hook", .headers = {"Authorization: Bearer x"}}});
  EXPECT_EQ(webhooks_->next_due(), std::nullopt);
  happens(Kind::channel_occupied, "news");
  EXPECT_EQ(webhooks_->next_due(), now_);
  const auto all = due();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].url, "https://a.example/hook");
  EXPECT_EQ(all[0].body,
            R"({"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"news"}]})");
  EXPECT_EQ(
      all[0].headers,
      (std::vector<std::string>{
          "Content-Type: application/json", "X-Pusher-Key: key",
          // printf '%s' BODY | openssl dgst -sha256 -hmac secret
          "X-Pusher-Signature: e7c4fcbf58f717e756f929abbfc60236637528e50ab1a05d55584dde28638667",
          "Authorization: Bearer x"}));
  webhooks_->answered(all[0].id, true, now_);
  EXPECT_EQ(webhooks_->counts(), (WebhookCounts{.sent = 1}));
  EXPECT_EQ(webhooks_->waiting(), 0u);
}

TEST_F(WebhooksTest, each_hook_hears_its_kinds_on_its_channels) {
  hooks({{.url = "https://all"},
         {.url = "https://counts", .kinds = {Kind::subscription_count, Kind::cache_miss}},
         {.url = "https://rooms", .filter_by_prefix = "room-", .filter_by_suffix = "-eu"}});
  happens(Kind::cache_miss, "news");
  EXPECT_EQ(told(), R"(all: [{"name":"cache_miss","channel":"news"}];)"
                    R"(counts: [{"name":"cache_miss","channel":"news"}];)");
  happens(Kind::channel_occupied, "room-1-eu");
  EXPECT_EQ(told(), R"(all: [{"name":"channel_occupied","channel":"room-1-eu"}];)"
                    R"(rooms: [{"name":"channel_occupied","channel":"room-1-eu"}];)");
  happens(Kind::channel_occupied, "room-1-us");
  EXPECT_EQ(told(), R"(all: [{"name":"channel_occupied","channel":"room-1-us"}];)");
  EXPECT_EQ(webhooks_->counts(0).sent, 3u);
  EXPECT_EQ(webhooks_->counts(1).sent, 1u);
  EXPECT_EQ(webhooks_->counts().sent, 5u);
}

TEST_F(WebhooksTest, a_reload_is_no_news_even_to_who_hears_of_arrivals_only) {
  hooks({{.url = "https://arrivals", .kinds = {Kind::channel_occupied, Kind::member_added}}});
  happens(Kind::member_removed, "presence-a", "ann");
  happens(Kind::channel_vacated, "presence-a");
  now_ += 2s;
  happens(Kind::channel_occupied, "presence-a");
  happens(Kind::member_added, "presence-a", "ann");
  now_ += 1h;
  EXPECT_EQ(told(), "");

  happens(Kind::member_removed, "presence-a", "ann");
  now_ += 3s;
  happens(Kind::member_added, "presence-a", "ann");
  EXPECT_EQ(told(),
            R"(arrivals: [{"name":"member_added","channel":"presence-a","user_id":"ann"}];)");
}

TEST_F(WebhooksTest, who_hears_nothing_of_absences_waits_for_none) {
  hooks({{.url = "https://presence"}, {.url = "https://events", .kinds = {Kind::client_event}}});
  happens(Kind::member_removed, "presence-a", "ann");
  happens(Kind::client_event, "presence-a");
  const auto all = due();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].url, "https://events");
}

TEST_F(WebhooksTest, a_slow_server_holds_up_nobody_elses_events) {
  hooks({{.url = "https://slow"}, {.url = "https://quick"}});
  happens(Kind::channel_occupied, "a");
  const auto first = due();
  ASSERT_EQ(first.size(), 2u);
  webhooks_->answered(first[1].id, true, now_);
  happens(Kind::channel_occupied, "b");
  EXPECT_EQ(told(), R"(quick: [{"name":"channel_occupied","channel":"b"}];)");
  EXPECT_EQ(webhooks_->next_due(), std::nullopt) << "one under way, one with nothing to say";
  now_ += 1s;
  happens(Kind::channel_vacated, "b");
  EXPECT_EQ(webhooks_->next_due(), now_ + 3s);
  now_ += 3s;
  EXPECT_EQ(told(), R"(quick: [{"name":"channel_vacated","channel":"b"}];)");
  now_ += 4s;
  webhooks_->answered(first[0].id, false, now_);
  EXPECT_EQ(webhooks_->next_due(), now_ + 1s);
  EXPECT_EQ(webhooks_->counts(), (WebhookCounts{.sent = 3, .failed = 1}));
  EXPECT_EQ(webhooks_->waiting(), 3u);
}

TEST_F(WebhooksTest, while_a_post_is_under_way_its_hook_wakes_nobody) {
  hooks({{.url = "https://a"}});
  happens(Kind::channel_occupied, "a");
  ASSERT_EQ(due().size(), 1u);
  happens(Kind::channel_vacated, "b");
  EXPECT_EQ(webhooks_->next_due(), std::nullopt);
}

TEST_F(WebhooksTest, an_answer_to_another_attempt_changes_nothing) {
  hooks({{.url = "https://a"}});
  happens(Kind::channel_occupied, "a");
  const auto first = due();
  webhooks_->answered(first[0].id, false, now_);
  webhooks_->answered(first[0].id, true, now_);
  webhooks_->answered(0, true, now_);
  webhooks_->answered(77, true, now_);
  EXPECT_EQ(webhooks_->counts(), (WebhookCounts{.failed = 1}));
  now_ += 1s;
  const auto again = due();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0].id, first[0].id);
  EXPECT_EQ(again[0].body, first[0].body);
  EXPECT_EQ(again[0].headers, first[0].headers);
}

TEST_F(WebhooksTest, the_timer_is_told_of_graces_that_end) {
  hooks({{.url = "https://a"}}, {.batch_for = 1s});
  happens(Kind::channel_vacated, "a");
  EXPECT_EQ(webhooks_->next_due(), now_ + 4s) << "three of grace, one for company";
  now_ += 3s;
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(webhooks_->next_due(), now_ + 1s);
  now_ += 1s;
  EXPECT_EQ(due().size(), 1u);
}

TEST(WebhookSpec, what_would_break_the_request_is_a_fault) {
  EXPECT_FALSE(webhook_fault({.url = "https://a.example/x?y=z"}));
  EXPECT_FALSE(webhook_fault({.url = "http://a", .headers = {"X-Token: 1", "x-empty:"}}));
  for (const char* url :
       {"", "a.example", "ftp://a", "https://", "https:///x", "https://a b", "https://a\r\nX: y"})
    EXPECT_TRUE(webhook_fault({.url = url})) << url;
  for (const char* header : {"no colon", ": x", "X y: z", "X: y\r\nZ: a", "X-Pusher-Key: z",
                             "content-type: text/plain", "Content-Length: 0", "Host: b"}) {
    const auto fault = webhook_fault({.url = "https://a/secret", .headers = {header}});
    ASSERT_TRUE(fault) << header;
    EXPECT_EQ(fault->kind, Problem::Kind::invalid);
    EXPECT_EQ(fault->what.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace utakata::realtime
