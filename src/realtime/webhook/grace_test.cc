// Clients go and come back, on a clock set by hand.
#include "realtime/webhook/grace.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

namespace utakata::realtime {
namespace {

using Kind = WebhookEvent::Kind;
constexpr Instant start{1h};

class WebhookGraceTest : public testing::Test {
 protected:
  void at(Duration since_start) { now_ = start + since_start; }
  void happens(Kind kind, const std::string& channel, const std::string& user = {}) {
    grace_.take(webhook_item({.kind = kind, .channel = channel, .user_id = user}), now_, out_);
  }
  // What is told by now: "seconds kind channel user;".
  std::string told() {
    grace_.settle(now_, out_);
    std::string all;
    for (const auto& [item, when] : out_)
      all += fmt::format("{}s {} {}{};", to_seconds(when - start), webhook_kind_name(item->kind),
                         item->channel, item->user_id.empty() ? "" : " " + item->user_id);
    out_.clear();
    return all;
  }
  WebhookGrace grace_{{.held_events = 3}};
  Instant now_ = start;
  std::vector<WebhookGrace::Settled> out_;
};

TEST_F(WebhookGraceTest, who_reloads_the_page_was_never_away) {
  happens(Kind::member_removed, "presence-a", "ann");
  happens(Kind::channel_vacated, "presence-a");
  at(2999ms);
  happens(Kind::channel_occupied, "presence-a");
  happens(Kind::member_added, "presence-a", "ann");
  at(1h);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(grace_.held(), 0u);
  EXPECT_FALSE(grace_.next());
}

TEST_F(WebhookGraceTest, who_stays_away_for_three_seconds_is_gone_and_a_return_is_told) {
  happens(Kind::channel_vacated, "news");
  EXPECT_EQ(grace_.next(), start + 3s);
  at(2999ms);
  EXPECT_EQ(told(), "");
  at(3s);
  happens(Kind::channel_occupied, "news");
  EXPECT_EQ(told(), "3s channel_vacated news;3s channel_occupied news;");
}

TEST_F(WebhookGraceTest, each_absence_has_a_grace_of_its_own) {
  happens(Kind::channel_vacated, "news");
  at(1s);
  happens(Kind::channel_occupied, "news");
  at(2s);
  happens(Kind::channel_vacated, "news");
  at(4s);
  EXPECT_EQ(told(), "") << "vacant again for two seconds only";
  at(5s);
  EXPECT_EQ(told(), "5s channel_vacated news;");
}

TEST_F(WebhookGraceTest, another_user_does_not_make_up_for_who_left) {
  happens(Kind::member_removed, "presence-a", "ann");
  happens(Kind::channel_vacated, "presence-a");
  at(1s);
  happens(Kind::channel_occupied, "presence-a");
  happens(Kind::member_added, "presence-a", "bob");
  at(3s);
  EXPECT_EQ(told(), "3s member_removed presence-a ann;3s member_added presence-a bob;");
}

TEST_F(WebhookGraceTest, a_channel_keeps_its_order_and_others_do_not_wait_for_it) {
  happens(Kind::member_removed, "presence-a", "ann");
  at(1s);
  happens(Kind::client_event, "presence-a");
  happens(Kind::client_event, "presence-b");
  EXPECT_EQ(told(), "1s client_event presence-b;");
  at(2s);
  happens(Kind::member_removed, "presence-a", "bob");
  at(3s);
  EXPECT_EQ(told(), "3s member_removed presence-a ann;3s client_event presence-a;");
  at(5s);
  EXPECT_EQ(told(), "5s member_removed presence-a bob;");
}

TEST_F(WebhookGraceTest, what_waits_behind_an_absence_goes_as_soon_as_that_is_over) {
  happens(Kind::member_removed, "presence-a", "ann");
  happens(Kind::client_event, "presence-a");
  at(1s);
  happens(Kind::member_added, "presence-a", "ann");
  EXPECT_EQ(told(), "1s client_event presence-a;");
}

TEST_F(WebhookGraceTest,
       when_too_much_waits_the_longest_waiting_is_told_early_and_nothing_is_lost) {
  for (const char* channel : {"a", "b", "c"}) happens(Kind::channel_vacated, channel);
  EXPECT_EQ(told(), "");
  at(1s);
  happens(Kind::channel_vacated, "d");
  EXPECT_EQ(told(), "1s channel_vacated a;");
  happens(Kind::channel_occupied, "a");
  happens(Kind::channel_occupied, "b");
  EXPECT_EQ(told(), "1s channel_occupied a;") << "its absence was told, so is its return";
  EXPECT_EQ(grace_.held(), 2u);
}

TEST(WebhookGrace, bytes_are_bounded_as_events_are) {
  WebhookGrace grace({.held_bytes = 20'000});
  std::vector<WebhookGrace::Settled> out;
  for (int i = 0; i < 100; ++i)
    grace.take(webhook_item({.kind = Kind::channel_vacated, .channel = fmt::format("c{}", i)}),
               start, out);
  EXPECT_EQ(out.size() + grace.held(), 100u);
  EXPECT_GE(grace.held(), 20u);
  EXPECT_LE(grace.held(), 20'000u / 512);
  EXPECT_EQ(out.at(0).item->channel, "c0");

  const std::size_t held = grace.held();
  grace.settle(start + 3s, out);
  for (std::size_t i = 0; i < held; ++i)
    grace.take(webhook_item({.kind = Kind::channel_vacated, .channel = fmt::format("d{}", i)}),
               start + 3s, out);
  EXPECT_EQ(grace.held(), held) << "as many as before";
}

TEST(WebhookGrace, without_a_grace_all_is_told_at_once) {
  WebhookGrace grace({.grace = 0s});
  std::vector<WebhookGrace::Settled> out;
  for (const Kind kind : {Kind::channel_vacated, Kind::channel_occupied, Kind::channel_vacated})
    grace.take(webhook_item({.kind = kind, .channel = "a"}), start, out);
  EXPECT_EQ(out.size(), 3u);
}

struct Happening {
  Kind kind;
  std::string channel, user;
  Instant at;
};

std::vector<Happening> some_happenings() {
  std::vector<Happening> all;
  Instant now = start;
  for (int i = *rc::gen::inRange(0, 80); i > 0; --i) {
    now += *rc::gen::inRange(0, 15) * 100ms;
    const Kind kind =
        *rc::gen::element(Kind::channel_occupied, Kind::channel_vacated, Kind::member_added,
                          Kind::member_removed, Kind::client_event);
    const bool is_of_member = kind == Kind::member_added || kind == Kind::member_removed;
    all.push_back({kind, *rc::gen::element<std::string>("a", "b"),
                   is_of_member ? *rc::gen::element<std::string>("ann", "bob") : "", now});
  }
  return all;
}

// By the definition: of each happening, whether it is told, and when it is decided.
struct Fate {
  bool is_told = true;
  Instant decided;
};
std::vector<Fate> fates_of(const std::vector<Happening>& all) {
  std::vector<Fate> fates;
  std::map<std::tuple<std::string, bool, std::string>, std::size_t> away;  // the last that is kept
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [kind, channel, user, at] = all[i];
    fates.push_back({.decided = at});
    if (kind == Kind::client_event) continue;
    const bool is_absence = kind == Kind::channel_vacated || kind == Kind::member_removed;
    const bool is_of_member = kind == Kind::member_added || kind == Kind::member_removed;
    const auto before = away.find({channel, is_of_member, user});
    const bool is_awaited = before != away.end() && all[before->second].at + 3s > at;
    if (is_awaited) fates[i].is_told = false;
    if (is_awaited && !is_absence) fates[before->second] = {.is_told = false, .decided = at};
    if (!is_awaited && is_absence) fates[i].decided = at + 3s;
    if (!is_absence && before != away.end()) away.erase(before);
    if (is_absence && !is_awaited) away[{channel, is_of_member, user}] = i;
  }
  return fates;
}

TEST(WebhookGrace, what_is_told_and_when_is_as_defined_however_often_it_is_asked) {
  EXPECT_TRUE(rc::check([] {
    const auto all = some_happenings();
    const auto fates = fates_of(all);
    std::map<std::string, std::vector<std::pair<std::string, Instant>>> want, got;
    std::map<std::string, Instant> line;  // when all before it is decided
    for (std::size_t i = 0; i < all.size(); ++i) {
      Instant& decided = line[all[i].channel];
      decided = std::max(decided, fates[i].decided);
      if (fates[i].is_told)
        want[all[i].channel].emplace_back(
            fmt::format("{} {}", webhook_kind_name(all[i].kind), all[i].user), decided);
    }

    WebhookGrace grace({});
    std::vector<WebhookGrace::Settled> out;
    for (const Happening& one : all) {
      if (*rc::gen::arbitrary<bool>()) grace.settle(one.at, out);
      grace.take(webhook_item({.kind = one.kind, .channel = one.channel, .user_id = one.user}),
                 one.at, out);
      if (grace.next()) RC_ASSERT(*grace.next() > one.at);
    }
    grace.settle(start + 24h, out);
    RC_ASSERT(grace.held() == 0u);
    for (const auto& [item, at] : out)
      got[item->channel].emplace_back(
          fmt::format("{} {}", webhook_kind_name(item->kind), item->user_id), at);
    RC_ASSERT(got == want);
    RC_ASSERT(std::ranges::is_sorted(out, {}, &WebhookGrace::Settled::at));
  }));
}

}  // namespace
}  // namespace utakata::realtime
