#include "fleet/plan/place_line.h"

#include <gtest/gtest.h>

#include "fleet/plan/place.h"

namespace utakata {
namespace {

PlacementView view_with(int connections, Instant now) {
  PlacementView view;
  view.cluster = "game";
  view.capacity = 2;
  Placeable one;
  one.identity = placeable_identity("game-1");
  one.open = one.count_known = true;
  one.connections = connections;
  one.counted_at = now;
  view.instances.push_back(one);
  return view;
}

class Line : public ::testing::Test {
 protected:
  Line() : ledger_({}) { counts(2); }
  void counts(int connections) {
    now_ += 1s;
    ledger_.apply(view_with(connections, now_), now_);
  }
  PlaceAnswer ask(std::optional<std::uint64_t> line = {}) {
    now_ += 50ms;
    PlaceRequest request;
    request.line = line;
    return ledger_.place(request, now_);
  }
  Instant now_{1h};
  PlacementLedger ledger_;
};

TEST_F(Line, asked_ever_anew_without_naming_a_place_then_free_seats_are_still_given) {
  for (int i = 0; i < 200; ++i) ASSERT_FALSE(ask());
  counts(0);
  EXPECT_TRUE(ask()) << "nobody has come back to claim them";
}

TEST_F(Line, who_came_back_once_is_served_before_who_asks_anew) {
  const PlaceAnswer first = ask(), second = ask();
  ASSERT_FALSE(first || second);
  ASSERT_FALSE(ask(second.error().line));
  ASSERT_FALSE(ask(first.error().line));
  counts(1);
  EXPECT_FALSE(ask());
  EXPECT_FALSE(ask(second.error().line)) << "the first came before it";
  EXPECT_TRUE(ask(first.error().line));
  counts(0);
  EXPECT_TRUE(ask(second.error().line));
}

TEST_F(Line, one_that_does_not_come_again_holds_nobody_up_for_ever) {
  const PlaceAnswer first = ask();
  ASSERT_FALSE(ask(first.error().line));
  counts(1);
  ASSERT_FALSE(ask());
  now_ += 1min;
  EXPECT_TRUE(ask());
}

}  // namespace
}  // namespace utakata
