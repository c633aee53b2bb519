// Tickets that clients show, and a controller that answers, is slow, is away, and is back.
#include "realtime/ticket/ticket_desk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Id = TicketDesk::Id;

class TicketDeskTest : public testing::Test {
 protected:
  Id shows(const std::string& ticket) {
    const auto id = desk_.shown(ticket, now_);
    return id.value_or(0);
  }
  // The tickets that are to be sent.
  std::string due() {
    std::string all;
    for (const auto& [id, ticket] : desk_.due(now_)) all += (all.empty() ? "" : " ") + ticket;
    return all;
  }
  std::string decided() {
    std::string all;
    for (const auto& [id, verdict] : desk_.decided()) {
      constexpr const char* words[] = {"seated", "refused", "unknown"};
      all += fmt::format("{}{} {}", all.empty() ? "" : ", ", id, words[int(verdict)]);
    }
    return all;
  }
  void answer(Id id, TicketAnswer answer) { desk_.answered(id, answer, now_); }

  Instant now_{1h};
  TicketDesk desk_{{.waiting = 4, .at_once = 2}};
};

TEST(Ticket, has_a_known_form) {
  EXPECT_TRUE(is_ticket("00000000000000000123456789abcdef"));
  for (const std::string wrong :
       {"", "0", "00000000000000000123456789abcdeg", "00000000000000000123456789ABCDEF",
        "00000000000000000123456789abcdef0", "../../../../../../etc/passwd?xxxx",
        "0000000000000000012345678%2f/../"})
    EXPECT_FALSE(is_ticket(wrong)) << wrong;
}

TEST(Ticket, is_confirmed_at_its_cluster_s_path) {
  EXPECT_EQ(tickets_url("http://10.0.0.1:7070", "chat", "rooms-eu"),
            "http://10.0.0.1:7070/v1/stacks/chat/clusters/rooms-eu/tickets/");
  EXPECT_EQ(tickets_url("https://c.example/u//", "a/b", "..?x#"),
            "https://c.example/u/v1/stacks/a%2Fb/clusters/..%3Fx%23/tickets/");
}

TEST_F(TicketDeskTest, is_asked_by_two_at_a_time_in_order_and_decides_as_it_is_told) {
  for (const char* ticket : {"a", "b", "c"}) shows(ticket);
  EXPECT_EQ(desk_.next_due(now_), now_);
  EXPECT_EQ(due(), "a b");
  EXPECT_EQ(due(), "");
  EXPECT_EQ(desk_.next_due(now_), std::nullopt);
  answer(2, TicketAnswer::refused);
  answer(1, TicketAnswer::seated);
  EXPECT_EQ(decided(), "2 refused, 1 seated");
  EXPECT_EQ(decided(), "");
  EXPECT_EQ(due(), "c");
  answer(3, TicketAnswer::seated);
  EXPECT_EQ(desk_.waiting(), 0u);
  EXPECT_EQ(desk_.counts().seated, 2);
  EXPECT_EQ(desk_.counts().refused, 1);
}

TEST_F(TicketDeskTest, says_so_when_too_many_wait) {
  for (const char* ticket : {"a", "b", "c", "d", "e", "f"}) {
    EXPECT_NE(shows(ticket), 0u);
    due();
  }
  EXPECT_EQ(shows("g"), 0u);
  answer(1, TicketAnswer::seated);
  EXPECT_EQ(due(), "c");
  EXPECT_NE(shows("g"), 0u);
}

TEST(TicketDesk, asks_no_more_often_than_its_pace_however_many_come) {
  TicketDesk desk{{.waiting = 10'000, .per_second = 100}};
  Instant now{1h};
  int asked = 0;
  for (int ms = 0; ms < 2000; ++ms, now += 1ms) {
    for (int i = 0; i < (ms == 0 ? 100 : 3); ++i) desk.shown("t", now);
    for (const auto& [id, ticket] : desk.due(now)) {
      ++asked;
      desk.answered(id, TicketAnswer::refused, now);
    }
    const auto next = desk.next_due(now);
    ASSERT_TRUE(next);
    EXPECT_LE(*next, now + 12ms);
  }
  EXPECT_NEAR(asked, 25 + 200, 2);
}

TEST_F(TicketDeskTest, lets_nobody_wait_for_who_is_away_and_asks_by_one_whether_it_is_back) {
  for (const char* ticket : {"a", "b", "c"}) shows(ticket);
  due();
  answer(2, TicketAnswer::not_asked);
  EXPECT_TRUE(desk_.is_away());
  EXPECT_EQ(decided(), "1 unknown, 2 unknown, 3 unknown");
  answer(1, TicketAnswer::not_asked);
  shows("d");
  EXPECT_EQ(decided(), "4 unknown");
  EXPECT_EQ(due(), "");
  EXPECT_EQ(desk_.next_due(now_), now_ + 1s);
  now_ += 1s;
  EXPECT_EQ(due(), "a") << "the oldest";
  EXPECT_EQ(due(), "");
  EXPECT_EQ(desk_.next_due(now_), std::nullopt);
  answer(1, TicketAnswer::not_asked);
  EXPECT_EQ(desk_.next_due(now_), now_ + 2s);
  now_ += 2s;
  EXPECT_EQ(due(), "a");
  answer(1, TicketAnswer::seated);
  EXPECT_FALSE(desk_.is_away());
  EXPECT_EQ(due(), "b c");
  EXPECT_EQ(decided(), "") << "each is told once";
  EXPECT_NE(shows("e"), 0u);
  EXPECT_EQ(decided(), "") << "it waits for a word again";
}

TEST_F(TicketDeskTest, one_that_may_have_been_taken_is_not_sent_again) {
  shows("a");
  due();
  answer(1, TicketAnswer::no_answer);
  EXPECT_EQ(decided(), "1 unknown");
  EXPECT_EQ(desk_.counts().dropped, 1);
  EXPECT_EQ(desk_.waiting(), 0u);
  now_ += 10s;
  EXPECT_EQ(due(), "");
  shows("b");
  EXPECT_EQ(decided(), "") << "by it is asked whether it is back";
  EXPECT_EQ(due(), "b");
  shows("c");
  EXPECT_EQ(decided(), "3 unknown");
  answer(2, TicketAnswer::refused);
  EXPECT_EQ(decided(), "2 refused");
}

TEST_F(TicketDeskTest, waits_no_longer_than_patience_for_who_is_slow) {
  for (const char* ticket : {"a", "b", "c", "d"}) shows(ticket);
  due();
  now_ += 2s;
  shows("e");
  now_ += 1s;
  EXPECT_EQ(due(), "");
  EXPECT_EQ(decided(), "1 unknown, 2 unknown, 3 unknown, 4 unknown");
  EXPECT_FALSE(desk_.is_away());
  answer(1, TicketAnswer::refused);
  EXPECT_EQ(decided(), "") << "who was let in stays";
  EXPECT_EQ(due(), "c");
}

TEST_F(TicketDeskTest, forgets_what_is_too_old_and_the_oldest_of_too_many_while_it_is_away) {
  shows("a");
  due();
  answer(1, TicketAnswer::not_asked);
  now_ += 500ms;
  for (const char* ticket : {"b", "c", "d", "e", "f"}) EXPECT_NE(shows(ticket), 0u) << ticket;
  EXPECT_EQ(desk_.waiting(), 4u);
  EXPECT_EQ(desk_.counts().dropped, 2) << "a and b";
  now_ += 59s;
  shows("g");
  EXPECT_EQ(desk_.counts().dropped, 3) << "c";
  now_ += 1s;
  EXPECT_EQ(due(), "g");
  EXPECT_EQ(desk_.counts().dropped, 6);
  answer(7, TicketAnswer::seated);
  EXPECT_EQ(desk_.waiting(), 0u);
}

TEST_F(TicketDeskTest, asks_less_and_less_often_though_not_less_than_each_eight_seconds) {
  shows("a");
  due();
  answer(1, TicketAnswer::not_asked);
  std::string when;
  for (int second = 1; second <= 45; ++second) {
    now_ += 1s;
    if (due().empty()) continue;
    when += std::to_string(second) + " ";
    answer(1, TicketAnswer::not_asked);
  }
  EXPECT_EQ(when, "1 3 7 15 23 31 39 ");
}

}  // namespace
}  // namespace utakata::realtime
