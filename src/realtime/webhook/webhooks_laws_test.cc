// Hooks through made-up days: events come as they like, servers answer late, wrongly or well, and
// the caller wakes up only when next_due() says so.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "realtime/webhook/webhooks.h"

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;
constexpr Instant start{1h};
constexpr std::size_t hooks_count = 2;

struct Day {
  std::vector<std::pair<Instant, WebhookEvent>> events;
  bool is_often_failing = false;
  WebhookLimits limits{};
};

Day some_day() {
  Day day;
  Instant now = start;
  for (int i = 0, count = *rc::gen::inRange(0, 60); i < count; ++i) {
    now += *rc::gen::inRange(0, 30) * 50ms;
    const Kind kind = *rc::gen::element(Kind::channel_occupied, Kind::channel_vacated,
                                        Kind::client_event, Kind::client_event);
    day.events.push_back({now,
                          {.kind = kind,
                           .channel = *rc::gen::element<std::string>("a", "b", "c"),
                           .event = "client-x",
                           .data = fmt::format("{}", i)}});
  }
  day.is_often_failing = *rc::gen::arbitrary<bool>();
  day.limits.outbox = {.batch_for = *rc::gen::element<Duration>(0s, 200ms, 1s),
                       .batch_events = *rc::gen::inRange<std::size_t>(1, 6),
                       .queue_events = *rc::gen::element<std::size_t>(3, 1'000),
                       .retry_for = *rc::gen::element<Duration>(5s, 5min)};
  day.limits.grace.held_events = *rc::gen::element<std::size_t>(2, 1'000);
  return day;
}

class Caller {
 public:
  explicit Caller(const Day& day)
      : day_(day),
        webhooks_({"key", "secret"}, {{.url = "https://0"}, {.url = "https://1"}}, day.limits,
                  [] { return *rc::gen::inRange(0, 1000) / 1000.0; }) {}

  void lives_through_the_day() {
    for (const auto& [at, event] : day_.events) {
      run_until(at);
      webhooks_.occurred(event, at);
    }
    run_until(start + 24h);
    RC_ASSERT(!webhooks_.next_due());
    RC_ASSERT(webhooks_.waiting() == 0u);
    // Only a return within the grace takes events away, two at a time.
    const WebhookCounts counts = webhooks_.counts();
    RC_ASSERT(counts.sent + counts.dropped <= hooks_count * day_.events.size());
  }
  std::vector<nlohmann::json> taken[hooks_count];  // events, as each server took them
  WebhookCounts counts() const { return webhooks_.counts(); }

 private:
  struct Post {
    std::size_t hook;
    std::uint64_t id;
    std::string body;
  };
  void run_until(Instant end) {
    for (;;) {
      const auto due = webhooks_.next_due();
      const auto answer = under_way_.begin();
      const bool has_answer = answer != under_way_.end();
      const bool is_answer = has_answer && (!due || answer->first <= *due);
      const Instant at = is_answer ? answer->first : due.value_or(end);
      if (at >= end) return;
      now_ = std::max(now_, at);
      if (is_answer)
        answers(under_way_.extract(answer).mapped());
      else
        posts();
    }
  }
  void posts() {
    for (auto& one : webhooks_.due(now_, WallTime(1s))) {
      const std::size_t hook = one.url.back() == '0' ? 0 : 1;
      for (const auto& [at, other] : under_way_) RC_ASSERT(other.hook != hook);
      RC_ASSERT(one.headers.at(2) ==
                "X-Pusher-Signature: " + body_signature({"key", "secret"}, one.body));
      under_way_.emplace(now_ + *rc::gen::inRange(0, 40) * 100ms,
                         Post{hook, one.id, std::move(one.body)});
    }
    const auto next = webhooks_.next_due();
    RC_ASSERT(!next || *next > now_);  // otherwise a timer would never rest
  }
  void answers(const Post& post) {
    const bool is_taken = *rc::gen::inRange(0, 10) < (day_.is_often_failing ? 2 : 9);
    webhooks_.answered(post.id, is_taken, now_);
    if (!is_taken) return;
    const auto body = nlohmann::json::parse(post.body);
    const auto& events = body.at("events");
    RC_ASSERT(!events.empty());
    RC_ASSERT(events.size() <= day_.limits.outbox.batch_events);
    for (const auto& event : events) taken[post.hook].push_back(event);
  }

  const Day& day_;
  Webhooks webhooks_;
  Instant now_ = start;
  std::multimap<Instant, Post> under_way_;
};

TEST(WebhooksLaws, each_server_takes_a_channels_events_once_and_in_order) {
  EXPECT_TRUE(rc::check([] {
    const Day day = some_day();
    Caller caller(day);
    caller.lives_through_the_day();
    std::size_t sent = 0;
    for (const auto& taken : caller.taken) {
      std::map<std::string, int> last;  // by channel
      for (const auto& event : taken) {
        if (event.at("name") != "client_event") continue;
        const int number = std::stoi(event.at("data").get<std::string>());
        const auto [known, is_new] = last.try_emplace(event.at("channel"), -1);
        RC_ASSERT(number > known->second);
        known->second = number;
      }
      sent += taken.size();
    }
    RC_ASSERT(caller.counts().sent == sent);
  }));
}

TEST(WebhooksLaws, nothing_is_lost_while_queues_are_wide_and_servers_well) {
  EXPECT_TRUE(rc::check([] {
    Day day = some_day();
    day.is_often_failing = false;
    day.limits.outbox.queue_events = 1'000;
    day.limits.outbox.retry_for = 12h;
    Caller caller(day);
    caller.lives_through_the_day();
    RC_ASSERT(caller.counts().dropped == 0u);
    const auto said = std::ranges::count(day.events, Kind::client_event,
                                         [](const auto& one) { return one.second.kind; });
    for (const auto& taken : caller.taken)
      RC_ASSERT(std::ranges::count(taken, "client_event", [](const auto& event) {
                  return event.at("name").template get<std::string>();
                }) == said);
    RC_ASSERT(caller.taken[0].size() == caller.taken[1].size());
  }));
}

}  // namespace
}  // namespace utakata::realtime
