// One hook's bodies and what becomes of them when its server is slow, failing or gone.
#include "realtime/webhook/outbox.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace utakata::realtime {
namespace {

constexpr Instant start{1h};
constexpr WallTime wall{1'700'000'000'000ms};

WebhookItemPtr on(const std::string& channel) {
  return webhook_item({.kind = WebhookEvent::Kind::cache_miss, .channel = channel});
}

std::size_t events_in(const std::string* body) {
  std::size_t count = 0;
  for (auto at = body->find("\"name\""); at != std::string::npos;
       at = body->find("\"name\"", at + 1))
    ++count;
  return count;
}

TEST(WebhookOutbox, events_of_a_second_go_in_one_body) {
  WebhookOutbox outbox({});
  outbox.push(on("a"), start);
  outbox.push(on("b"), start + 900ms);
  EXPECT_EQ(outbox.next_due(), start + 1s);
  EXPECT_EQ(outbox.due(start + 999ms, wall), nullptr);
  const std::string* body = outbox.due(start + 1s, wall);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, R"({"time_ms":1700000000000,"events":[{"name":"cache_miss","channel":"a"},)"
                   R"({"name":"cache_miss","channel":"b"}]})");
  outbox.push(on("c"), start + 1s);
  EXPECT_EQ(outbox.due(start + 1h, wall), nullptr) << "one at a time";
  EXPECT_EQ(outbox.next_due(), std::nullopt);
  outbox.answered(true, start + 2s, 0);
  EXPECT_EQ(outbox.next_due(), start + 2s);
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.sent = 2}));
  EXPECT_EQ(outbox.events(), 1u);
}

TEST(WebhookOutbox, a_full_body_goes_at_once_and_the_rest_waits_its_turn) {
  WebhookOutbox outbox({.batch_events = 3});
  for (int i = 0; i < 5; ++i) outbox.push(on("a"), start);
  EXPECT_EQ(outbox.next_due(), start);
  EXPECT_EQ(events_in(outbox.due(start, wall)), 3u);
  outbox.answered(true, start, 0);
  EXPECT_EQ(outbox.due(start, wall), nullptr) << "two are not a full one";
  EXPECT_EQ(events_in(outbox.due(start + 1s, wall)), 2u);
}

TEST(WebhookOutbox, a_body_is_bounded_in_bytes_but_one_event_goes_however_large) {
  WebhookOutbox outbox({.batch_for = 0s, .batch_bytes = 10'000});
  for (int i = 0; i < 3; ++i) outbox.push(on(std::string(1000, 'x')), start);
  outbox.push(on(std::string(5000, 'y')), start);
  for (const std::size_t events : {2u, 1u, 1u}) {  // some 3,500 bytes each, a name counts thrice
    const std::string* body = outbox.due(start, wall);
    ASSERT_TRUE(body);
    EXPECT_EQ(events_in(body), events);
    outbox.answered(true, start, 0);
  }
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.sent = 4}));
}

TEST(WebhookOutbox, without_batching_events_go_at_once) {
  WebhookOutbox outbox({.batch_for = 0s, .batch_events = 1});
  outbox.push(on("a"), start);
  outbox.push(on("b"), start);
  EXPECT_EQ(outbox.next_due(), start);
  EXPECT_EQ(events_in(outbox.due(start, wall)), 1u);
}

TEST(WebhookOutbox, a_server_that_fails_is_asked_again_and_again_for_five_minutes) {
  WebhookOutbox outbox({.batch_for = 0s});
  outbox.push(on("a"), start);
  const std::string first = *outbox.due(start, wall);
  std::string attempts = "0";
  Instant now = start;
  for (outbox.answered(false, now, 0); outbox.next_due(); outbox.answered(false, now, 0)) {
    now = *outbox.next_due();
    attempts += fmt::format(" {}", to_seconds(now - start));
    EXPECT_EQ(outbox.due(now - 1ms, wall), nullptr);
    const std::string* again = outbox.due(now, wall + 1h);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, first) << "the same body: its signature and its time are of then";
  }
  EXPECT_EQ(attempts, "0 1 3 7 15 31 63 123 183 243 300");
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.dropped = 1, .failed = 11, .retried = 10}));
  EXPECT_EQ(outbox.events(), 0u);

  outbox.push(on("b"), now);
  ASSERT_TRUE(outbox.due(now, wall)) << "the next one begins anew";
  outbox.answered(false, now, 0);
  EXPECT_EQ(outbox.next_due(), now + 1s);
}

TEST(WebhookOutbox, a_server_that_comes_back_gets_all_in_order) {
  WebhookOutbox outbox({});
  outbox.push(on("a"), start);
  ASSERT_TRUE(outbox.due(start + 1s, wall));
  outbox.answered(false, start + 5s, 0);
  outbox.push(on("b"), start + 5s);
  EXPECT_EQ(outbox.next_due(), start + 6s);
  EXPECT_EQ(outbox.due(start + 5s + 999ms, wall), nullptr);
  EXPECT_NE(outbox.due(start + 7s, wall)->find("\"a\""), std::string::npos);
  outbox.answered(true, start + 7s, 0);
  EXPECT_NE(outbox.due(start + 7s, wall)->find("\"b\""), std::string::npos);
  outbox.answered(true, start + 7s, 0);
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.sent = 2, .failed = 1, .retried = 1}));
}

TEST(WebhookOutbox, who_failed_together_does_not_return_together) {
  for (const double jitter : {0.0, 0.5, 0.999}) {
    WebhookOutbox outbox({.batch_for = 0s});
    outbox.push(on("a"), start);
    outbox.due(start, wall);
    outbox.answered(false, start, jitter);
    EXPECT_NEAR(to_seconds(*outbox.next_due() - start), 1 - 0.25 * jitter, 1e-6);
  }
}

TEST(WebhookOutbox, when_too_much_waits_the_oldest_are_dropped) {
  WebhookOutbox outbox({.batch_for = 0s, .queue_events = 3});
  for (int i = 0; i < 5; ++i) outbox.push(on(fmt::format("c{}", i)), start);
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.dropped = 2}));
  const std::string* body = outbox.due(start, wall);
  EXPECT_EQ(body->find("\"c1\""), std::string::npos);
  EXPECT_NE(body->find("\"c2\""), std::string::npos);

  WebhookOutbox narrow({.queue_bytes = 2000});
  for (int i = 0; i < 100; ++i) narrow.push(on("a"), start);
  EXPECT_EQ(narrow.events(), 3u) << "some 550 bytes each";
  narrow.push(on(std::string(5000, 'x')), start);
  EXPECT_EQ(narrow.events(), 0u) << "what is larger than the queue is dropped, too";
  EXPECT_EQ(narrow.next_due(), std::nullopt);
}

TEST(WebhookOutbox, a_queue_that_was_emptied_is_as_wide_as_ever) {
  WebhookOutbox outbox({.batch_bytes = 5000, .queue_bytes = 2000});
  Instant now = start;
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 3; ++k) outbox.push(on("a"), now);
    EXPECT_EQ(outbox.due(now, wall), nullptr);
    now += 1s;
    ASSERT_TRUE(outbox.due(now, wall));
    outbox.answered(true, now, 0);
  }
  EXPECT_EQ(outbox.counts(), (WebhookCounts{.sent = 300}));
}

}  // namespace
}  // namespace utakata::realtime
