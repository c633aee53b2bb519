// Placement as callers and instances see it, on a clock set by hand.
#include "fleet/plan/place.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "fleet/plan/place_strangers.h"

namespace utakata {
namespace {

using Why = Refusal::Why;

class Placement : public testing::Test {
 protected:
  Placement() {
    view_.cluster = "game";
    view_.capacity = 100;
    view_.hold = 60s;
    view_.seats_per_key = 4;
  }
  Placeable& add(int connections = 0) {
    Placeable instance;
    instance.identity = placeable_identity(fmt::format("game-{}", view_.instances.size() + 1));
    instance.open = instance.honours_keys = instance.count_known = true;
    instance.connections = connections;
    instance.counted_at = now_;
    view_.instances.push_back(instance);
    return view_.instances.back();
  }
  void apply() { ledger_.apply(view_, now_); }
  // A second passes and all instances are counted.
  void count(std::vector<int> connections = {}) {
    now_ += 1s;
    for (std::size_t i = 0; i < view_.instances.size(); ++i) {
      view_.instances[i].counted_at = now_;
      if (i < connections.size()) view_.instances[i].connections = connections[i];
    }
    apply();
  }
  PlaceAnswer place(PlaceRequest request = {}) { return ledger_.place(request, now_); }
  std::string at(const PlaceAnswer& answer) {
    return answer ? ledger_.instance(answer->slot).identity->id.text : "refused";
  }
  void line_full_again() {  // those who stayed away have left it
    while (place().error().line) {
    }
  }
  std::map<std::string, int> spread(int placements) {
    std::map<std::string, int> by_instance;
    for (int i = 0; i < placements; ++i) ++by_instance[at(place())];
    return by_instance;
  }

  Instant now_{1h};
  PlacementView view_;
  PlacementLedger ledger_{{.seed = 1, .secret = {1, 2}}};
};

TEST_F(Placement, ten_thousand_callers_on_twenty_instances_are_spread_evenly_and_none_is_lost) {
  view_.capacity = 500;
  for (int i = 0; i < 20; ++i) add();
  apply();
  for (const auto& [instance, seats] : spread(10'000)) EXPECT_EQ(seats, 500) << instance;
  EXPECT_EQ(place().error().why, Why::full);
}

TEST_F(Placement, four_callers_of_each_of_2500_keys_hold_10000_seats) {
  view_.capacity = 1000;
  for (int i = 0; i < 20; ++i) add();
  apply();
  std::map<std::string, std::set<std::string>> at_of_key;
  for (int caller = 0; caller < 4; ++caller)
    for (int key = 0; key < 2500; ++key) {
      const std::string name = fmt::format("room-{}", key);
      at_of_key[name].insert(at(place({.key = name})));
    }
  EXPECT_EQ(ledger_.seats_held(), 10'000);
  for (const auto& [key, instances] : at_of_key) EXPECT_EQ(instances.size(), 1u) << key;
  EXPECT_EQ(place({.key = "room-1"}).error().why, Why::room_full);
}

TEST_F(Placement, policies_choose_as_they_say) {
  struct Case {
    PlacePolicy policy;
    int seats;
    const char* chosen;
  };
  for (const Case& c :
       {Case{PlacePolicy::least, 1, "game-1"}, Case{PlacePolicy::pack, 1, "game-3"},
        Case{PlacePolicy::pack, 5, "game-2"}, Case{PlacePolicy::weighted, 1, "game-2"}}) {
    view_.instances.clear();
    view_.policy = c.policy;
    add(20).weight = 1;
    add(90).weight = 10;
    add(98).weight = 1;
    PlacementLedger ledger({.seed = 1});
    ledger.apply(view_, now_);
    const auto answer = ledger.place({.seats = c.seats}, now_);
    ASSERT_TRUE(answer);
    EXPECT_EQ(ledger.instance(answer->slot).identity->id.text, c.chosen)
        << int(c.policy) << " " << c.seats;
  }
}

TEST_F(Placement, a_fresh_instance_is_filled_gradually) {
  add(50);
  add(50);
  add(0).serving_since = now_;
  apply();
  std::vector<int> fresh;
  for (int second = 0; second <= 10; ++second) {
    int here = 0;
    for (const auto& [instance, seats] : spread(10)) here += instance == "game-3" ? seats : 0;
    fresh.push_back(here);
    count();
  }
  EXPECT_LE(fresh[0], 4) << "as loaded as the others at first";
  EXPECT_GE(std::accumulate(fresh.begin(), fresh.end(), 0), 50) << "and then the emptiest";
}

TEST_F(Placement, what_is_published_is_what_instances_are_compared_by) {
  add(50);
  add(90).open = false;
  add(100);
  add().count_known = false;
  add(0).serving_since = now_;
  apply();
  ASSERT_TRUE(place({.seats = 2}));
  const auto all = ledger_.published();
  EXPECT_EQ(all.cluster, "game");
  EXPECT_EQ(all.capacity, 100);
  std::vector<std::string> lines;
  for (const auto& line : all.lines)
    lines.push_back(fmt::format("{} {} {} {} {}", line.identity->id.text, line.open, line.free,
                                line.is_free_known, line.load));
  EXPECT_EQ(lines, (std::vector<std::string>{"game-1 true 48 true 52", "game-2 false 0 true 90",
                                             "game-3 true 0 true 100", "game-4 true 0 false 0",
                                             "game-5 true 100 true 50"}));
}

TEST_F(Placement, an_unknown_count_places_nobody) {
  add().count_known = false;
  apply();
  EXPECT_EQ(place().error().why, Why::full);
}

TEST_F(Placement, an_arrived_client_is_counted_before_its_seat_is_free) {
  view_.capacity = 1;
  add();
  apply();
  const auto grant = place();
  ASSERT_TRUE(grant);
  now_ += 100ms;
  EXPECT_EQ(ledger_.confirm("game-1", grant->number, now_), Confirmation::arrived);
  EXPECT_EQ(ledger_.confirm("game-1", grant->number, now_), Confirmation::over);
  EXPECT_FALSE(place()) << "the last count does not know it";
  now_ += 100ms;
  view_.instances[0].counted_at = now_;
  apply();
  EXPECT_FALSE(place()) << "that count may have been asked for before it came";
  count({0});
  EXPECT_TRUE(place()) << "it has come and left";
}

TEST_F(Placement, a_counter_of_arrivals_ends_the_oldest_holds) {
  view_.capacity = 3;
  add().accepted = 10;
  apply();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(place());
  view_.instances[0].accepted = 12;
  count({1});  // two came, one of them left
  EXPECT_EQ(ledger_.report().lines.at(0).seats_held, 1);
  EXPECT_TRUE(place());
  EXPECT_FALSE(place());
}

// Somebody asks and gives back, again and again, while others come: each arrival may have been his
// once, and not more often.
TEST_F(Placement, who_asks_and_gives_back_all_the_time_takes_no_seats_from_others) {
  view_.capacity = 10;
  add().accepted = 0;
  apply();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(place());
  const auto early = place();
  view_.instances[0].accepted = 2;
  count({2});
  ledger_.release(early->number, now_);
  EXPECT_EQ(ledger_.report().lines.at(0).seats_held, 2)
      << "one is awaited; another, if it was his stead that the early one came in";
  for (int i = 0; i < 100; ++i) {
    const auto asked = place();
    ASSERT_TRUE(asked) << i;
    ledger_.release(asked->number, now_);
    if (i % 20 == 0) count({2});
  }
  EXPECT_EQ(ledger_.report().lines.at(0).seats_held, 2);
}

TEST_F(Placement,
       after_a_restart_an_instance_gets_nobody_before_the_second_of_the_life_before_is_over) {
  view_.accept_per_second = 3;
  add();
  apply();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(place());
  PlacementLedger next{{.seed = 2}};
  {
    const auto replay = next.replay(now_);
    ledger_.dump(*replay);
  }
  now_ += 500ms;
  next.apply(view_, now_);
  EXPECT_FALSE(next.place({}, now_));
  now_ += 1100ms;
  EXPECT_TRUE(next.place({}, now_));
}

// Who came late had his seat counted for another, who gave it back: his coming must not be counted
// for a third, who is still on his way.
TEST_F(Placement, a_late_client_does_not_use_up_the_seat_of_one_who_is_still_on_the_way) {
  view_.capacity = 2;
  add().accepted = 0;
  apply();
  ASSERT_TRUE(place()) << "he dawdles";
  const auto quick = place();
  view_.instances[0].accepted = 1;
  count({1});
  ledger_.release(quick->number, now_);
  count({0});
  count({0});
  now_ += 30s;
  ASSERT_TRUE(place()) << "he dawdles, too";
  now_ += 20s;
  view_.instances[0].accepted = 2;
  count({1});  // the first one
  now_ += 10s;
  count({1});
  EXPECT_FALSE(place()) << "there is one, and one is on the way";
}

TEST_F(Placement, a_room_is_kept_while_one_of_it_may_yet_come_whose_seat_was_counted_for_another) {
  view_.seats_per_key = 2;
  add().accepted = 0;
  add().accepted = 0;
  apply();
  const auto dawdler = place({.key = "room"});
  const auto quick = place({.key = "room"});
  view_.instances[dawdler->slot].accepted = 1;
  count({1, 1});
  ledger_.release(quick->number, now_);
  for (int i = 0; i < 5; ++i) count({0, 0});
  EXPECT_EQ(place({.key = "room"})->slot, dawdler->slot);
  EXPECT_EQ(ledger_.report().lines.size(), 1u);
}

TEST_F(Placement, a_room_is_full_though_nobody_could_count_who_came) {
  view_.seats_per_key = 1;
  view_.hold = 10s;
  add().accepted = 0;
  apply();
  ASSERT_TRUE(place({.key = "room"}));
  now_ += 20s;  // no count since
  EXPECT_FALSE(place({.key = "room"}));
}

TEST_F(Placement, a_hold_that_nobody_used_ends_with_a_count_taken_after_it) {
  view_.capacity = 1;
  add();
  apply();
  ASSERT_TRUE(place({.hold = 5s}));
  now_ += 6s;
  EXPECT_FALSE(place());
  count();
  EXPECT_TRUE(place());
}

TEST_F(Placement, a_draining_instance_honours_its_keys_and_takes_no_new_one) {
  add();
  apply();
  ASSERT_EQ(at(place({.key = "old"})), "game-1");
  view_.instances[0].open = false;
  add();
  apply();
  EXPECT_EQ(at(place({.key = "old"})), "game-1");
  EXPECT_EQ(at(place({.key = "new"})), "game-2");
  view_.instances[0].honours_keys = false;  // suspect
  apply();
  EXPECT_EQ(place({.key = "old"}).error().why, Why::key_away);
  view_.instances.erase(view_.instances.begin());  // gone
  apply();
  EXPECT_EQ(at(place({.key = "old"})), "game-2");
}

TEST_F(Placement, a_room_ends_when_all_have_left_and_not_before) {
  add();
  apply();
  const auto first = place({.key = "room", .hold = 5s}),
             second = place({.key = "room", .hold = 5s});
  ledger_.confirm("game-1", first->number, now_);
  ledger_.confirm("game-1", second->number, now_);
  for (int i = 0; i < 10; ++i) count({2});
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1) << "two play";
  EXPECT_EQ(ledger_.report().lines.at(0).seats_held, 0) << "what nobody drew was given back";
  ledger_.release(first->number, now_);
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1);
  ledger_.release(second->number, now_);
  EXPECT_TRUE(ledger_.report().lines.empty());
}

TEST_F(Placement, a_room_whose_instance_counts_nobody_twice_is_over) {
  add();
  apply();
  (void)place(
      {.key = "room", .hold = 1s});  // it tells neither arrivals nor tickets: taken to have come
  for (int i = 0; i < 5; ++i) count({1});
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1);
  count({0});
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1) << "once may be between two games";
  count({0});
  EXPECT_TRUE(ledger_.report().lines.empty());
}

TEST_F(Placement, a_key_that_nobody_asks_for_a_day_is_over_and_one_that_is_asked_for_is_not) {
  add(2);
  view_.seats_per_key = 50;
  apply();
  for (const char* key : {"idle", "asked"}) (void)place({.key = key, .hold = 1s});
  for (int hour = 0; hour < 25; ++hour) {
    now_ += 1h;
    count({2});
    (void)place({.key = "asked", .hold = 1s});
  }
  EXPECT_EQ(ledger_.report().lines.at(0).keys, 1);
  EXPECT_TRUE(ledger_.release_key("asked"));
  EXPECT_FALSE(ledger_.release_key("idle"));
}

TEST_F(Placement, no_instance_is_given_more_new_clients_a_second_than_it_accepts) {
  view_.accept_per_second = 5;
  add();
  add();
  apply();
  std::map<std::string, std::vector<Instant>> given;
  std::vector<PlaceRequest> line(40);
  for (int step = 0; step < 500; ++step, now_ += 10ms)
    for (PlaceRequest& request : line) {
      if (request.seats == 0) continue;
      const auto answer = place(request);
      if (answer) {
        given[at(answer)].push_back(now_);
        request.seats = 0;
      } else {
        EXPECT_EQ(answer.error().why, Why::admission);
        request.line = answer.error().line;
      }
      if (step % 3) break;
    }
  int total = 0;
  for (auto& [instance, times] : given) {
    total += int(times.size());
    for (std::size_t i = 5; i < times.size(); ++i)
      EXPECT_GE(times[i] - times[i - 5], 1s) << instance;
  }
  EXPECT_EQ(total, 40);
}

TEST_F(Placement, who_came_first_is_placed_first_and_who_stays_away_loses_the_turn) {
  view_.capacity = 1;
  add(1);
  apply();
  const auto first = place().error(), second = place().error();
  EXPECT_EQ(first.ahead, 0);
  EXPECT_EQ(second.ahead, 1);
  EXPECT_EQ(ledger_.report().waiting, 2);
  count({1});
  EXPECT_EQ(place({.line = second.line}).error().ahead, 0) << "the first has not come back yet";
  EXPECT_EQ(place({.line = first.line}).error().ahead, 0);
  EXPECT_EQ(place({.line = second.line}).error().ahead, 1);
  count({0});
  EXPECT_FALSE(place()) << "a newcomer waits";
  EXPECT_FALSE(place({.line = second.line}));
  EXPECT_TRUE(place({.line = first.line}));
  count({0});
  now_ += 2min;  // the newcomer and the second never asked again
  count({0});
  EXPECT_EQ(ledger_.report().waiting, 0);
  EXPECT_TRUE(place());
}

TEST_F(Placement, strangers_hold_a_tenth_at_most) {
  for (int i = 0; i < 2; ++i) add();
  apply();
  int placed = 0;
  while (place({.stranger = true})) ++placed;
  EXPECT_EQ(placed, 20);
  EXPECT_EQ(place({.stranger = true}).error().why, Why::strangers_full);
  EXPECT_TRUE(place());
}

TEST_F(Placement, calls_that_can_never_be_met_say_so) {
  view_.accept_per_second = 5;
  add();
  apply();
  EXPECT_EQ(place({.seats = 101}).error().why, Why::too_many_seats);
  EXPECT_EQ(place({.seats = 6}).error().why, Why::too_many_at_once);
  EXPECT_EQ(place({.seats = 5, .key = "room"}).error().why, Why::too_many_seats);
  EXPECT_EQ(place({.seats = 6}).error().retry_after, Duration{});
}

TEST_F(Placement, whom_the_line_has_no_room_for_come_later_the_more_of_them_there_are) {
  add(100);
  apply();
  const auto wait = [&](int others) {
    now_ += 1s;
    line_full_again();
    for (int i = 0; i < others; ++i) place();
    return to_seconds(place().error().retry_after);
  };
  EXPECT_LE(wait(10), 15 * 1.25);
  EXPECT_GE(wait(100'000), 10 * 15 * 0.75);
  EXPECT_LE(wait(100'000), 10.1 * 15 * 1.25);
  EXPECT_LE(wait(10'000'000), 300);
  now_ += 2s;
  EXPECT_LE(wait(10), 15 * 1.25) << "the others have gone";
}

TEST_F(Placement, after_an_unknown_past_nobody_is_placed_until_its_holds_are_over) {
  add();
  ledger_.distrust_past(now_ + 60s);
  apply();
  add();
  apply();
  EXPECT_EQ(spread(10)["game-2"], 10) << "the new one has no past";
  now_ += 60s;
  apply();
  EXPECT_EQ(at(place()), "game-1");
}

TEST(AddressRates, an_address_may_ask_40_times_at_once_and_20_a_second) {
  AddressRates rates({}, {1, 2});
  Instant now{1h};
  const auto may = [&](std::string_view address) { return rates.ask(address, now) == Duration{}; };
  int asked = 0;
  while (may("192.0.2.1")) ++asked;
  EXPECT_EQ(asked, 40);
  EXPECT_TRUE(may("192.0.2.2"));
  now += 1s;
  for (asked = 0; may("::ffff:192.0.2.1");) ++asked;
  EXPECT_EQ(asked, 20) << "the same address, mapped";
  while (may("2001:db8::1")) {
  }
  EXPECT_FALSE(may("2001:db8::2")) << "the same network";
  EXPECT_TRUE(may("2001:db8:0:1::1"));
}

TEST(PlaceSecret, names_are_read_back_by_their_own_secret_and_purpose_only) {
  const PlaceSecret secret{3, 4};
  const PlaceText text = place_text(secret, PlaceName::ticket, 77);
  EXPECT_EQ(place_number(secret, PlaceName::ticket, view(text)), 77u);
  EXPECT_FALSE(place_number(secret, PlaceName::placement, view(text)));
  EXPECT_FALSE(place_number({3, 5}, PlaceName::ticket, view(text)));
  PlaceText other = text;
  other[31] = other[31] == '0' ? '1' : '0';
  EXPECT_FALSE(place_number(secret, PlaceName::ticket, view(other)));
}

TEST(PlaceSecret,
     siphash_is_as_its_authors_give_it) {  // the paper's appendix A: key 00..0f, message 00..0e
  std::string message;
  for (char c = 0; c < 15; ++c) message += c;
  EXPECT_EQ(siphash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, message), 0xa129ca6149be45e5u);
}

}  // namespace
}  // namespace utakata
