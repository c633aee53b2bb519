// Instances that confirm tickets, and those that count their arrivals besides: each client is one.
#include <gtest/gtest.h>

#include "fleet/plan/place.h"

namespace utakata {
namespace {

class Tickets : public testing::Test {
 protected:
  Tickets() {
    view_.cluster = "game";
    view_.capacity = 4;
    view_.hold = 60s;
    begin("ws://h/");
  }
  void begin(const std::string& url) {
    Placeable instance;
    instance.identity = placeable_identity("game-1", url);
    instance.open = instance.honours_keys = instance.count_known = true;
    instance.accepted = 0;
    instance.counted_at = now_;
    view_.instances = {instance};
    ledger_.apply(view_, now_);
  }
  // A second passes, and it is counted: so many are there, and so many ever came.
  void count(int connections, int accepted) {
    now_ += 1s;
    Placeable& instance = view_.instances[0];
    instance.counted_at = now_;
    instance.connections = connections;
    instance.accepted = accepted;
    ledger_.apply(view_, now_);
  }
  std::uint64_t place() {
    const auto grant = ledger_.place({}, now_ += 10ms);
    EXPECT_TRUE(grant);
    return grant ? grant->number : 0;
  }
  Confirmation comes(std::uint64_t placement) {
    return ledger_.confirm("game-1", placement, now_ += 10ms);
  }
  int held() const { return ledger_.seats_held(); }

  Instant now_{1h};
  PlacementView view_;
  PlacementLedger ledger_{{.seed = 7, .secret = {1, 2}}};
};

TEST_F(Tickets, who_is_told_by_ticket_and_then_by_the_counter_is_one) {
  place();  // dawdles
  EXPECT_EQ(comes(place()), Confirmation::arrived);
  count(1, 1);
  count(1, 1);
  count(1, 1);
  EXPECT_EQ(held(), 1) << "the dawdler's";
}

TEST_F(Tickets, who_is_told_by_the_counter_first_does_not_take_the_seat_of_another) {
  const auto dawdler = place(), quick = place();
  count(1, 1);  // the quick one, whose ticket is on its way
  EXPECT_EQ(comes(quick), Confirmation::arrived);
  count(1, 1);
  count(1, 1);
  EXPECT_EQ(held(), 1) << "the dawdler's, whose hold the counter had ended";
  count(2, 2);
  count(2, 2);
  EXPECT_EQ(held(), 0) << "there he is";
  EXPECT_EQ(comes(dawdler), Confirmation::over);
}

TEST_F(Tickets, one_who_shows_a_ticket_does_not_make_the_counter_mute_for_those_who_do_not) {
  for (int i = 0; i < 3; ++i) place();
  EXPECT_EQ(comes(place()), Confirmation::arrived);
  count(4, 4);
  EXPECT_EQ(held(), 3) << "they may yet show tickets";
  count(4, 4);
  EXPECT_EQ(held(), 0) << "they have none";
}

TEST_F(Tickets, who_was_counted_and_shows_the_ticket_a_little_later_is_that_one) {
  EXPECT_EQ(comes(place()), Confirmation::arrived);
  count(1, 1);
  const auto dawdler = place(), quick = place();
  count(2, 2);
  EXPECT_EQ(comes(quick), Confirmation::arrived);
  for (int i = 0; i < 3; ++i) count(2, 2);
  EXPECT_EQ(held(), 1);
  EXPECT_EQ(comes(dawdler), Confirmation::arrived) << "his seat was his all the time";
}

TEST_F(Tickets, who_was_counted_and_has_left_again_is_not_taken_for_another) {
  EXPECT_EQ(comes(place()), Confirmation::arrived);
  count(1, 1);
  place();  // dawdles
  const auto quick = place();
  count(2, 2);
  ledger_.release(quick, now_ += 10ms);
  for (int i = 0; i < 3; ++i) count(1, 2);
  EXPECT_EQ(held(), 1) << "the dawdler's";
}

TEST_F(Tickets, a_ticket_shown_before_the_first_count_of_a_controller_s_life_is_no_second_arrival) {
  place();
  const auto quick = place();
  PlacementLedger next{{.seed = 7, .secret = {1, 2}}};
  {
    const auto replay = next.replay(now_);
    ledger_.dump(*replay);
  }
  view_.instances[0].count_known = false;
  next.apply(view_, now_ += 10ms);
  EXPECT_EQ(next.confirm("game-1", quick, now_ += 10ms), Confirmation::arrived);
  view_.instances[0].count_known = true;
  const auto counted = [&](int accepted) {
    view_.instances[0].counted_at = now_ += 1s;
    view_.instances[0].connections = view_.instances[0].accepted.emplace(accepted) > 0 ? 1 : 0;
    next.apply(view_, now_);
  };
  counted(0);  // asked before he came
  for (int i = 0; i < 3; ++i) counted(1);
  EXPECT_EQ(next.seats_held(), 1) << "the other's";
}

// Two controllers that know the same past, one of them cut off: what the one gives out must not be
// a name for what the other does.
TEST_F(Tickets, lives_that_do_not_know_of_each_other_give_no_placement_the_same_number) {
  place();
  PlacementLedger next{{.seed = 8, .secret = {1, 2}}}, knows_nothing{{.seed = 9, .secret = {1, 2}}};
  {
    const auto replay = next.replay(now_);
    ledger_.dump(*replay);
  }
  next.apply(view_, now_);
  knows_nothing.apply(view_, now_);
  const std::uint64_t unheard = place();
  ASSERT_TRUE(next.place({}, now_));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(knows_nothing.place({}, now_));
  EXPECT_FALSE(next.release(unheard, now_));
  EXPECT_EQ(next.confirm("game-1", unheard, now_), Confirmation::over);
  EXPECT_FALSE(knows_nothing.release(unheard, now_));
}

// Nobody could count who came, so the room keeps its seat.
TEST_F(Tickets, one_shown_after_its_time_frees_no_seat_twice) {
  const auto late = ledger_.place({.key = "room"}, now_);
  ASSERT_TRUE(late);
  while (ledger_.expire(now_ += 61s, 10)) continue;
  EXPECT_EQ(comes(late->number), Confirmation::over);
  count(1, 1);
  count(1, 1);
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1);
}

TEST_F(Tickets, where_the_url_carries_them_the_counter_ends_nobody_s_hold) {
  begin("ws://h/?ticket=${ticket}");
  const auto quick = place();
  place();
  count(2, 2);
  count(2, 2);
  EXPECT_EQ(held(), 2);
  EXPECT_EQ(comes(quick), Confirmation::arrived);
  count(2, 2);
  count(2, 2);
  EXPECT_EQ(held(), 1);
}

}  // namespace
}  // namespace utakata
