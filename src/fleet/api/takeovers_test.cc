// Who may place what while owners change, on a clock and a registry set by hand.
#include "fleet/api/takeovers.h"

#include <gtest/gtest.h>

#include "fleet/api/silence.h"

namespace utakata {
namespace {

using Kind = Ownership::Kind;
using Told = Takeovers::Told;

class OneOwner final : public Owners {
 public:
  void want(std::vector<std::string>) override {}
  std::vector<std::string> wanted() const override { return {"game"}; }
  Ownership of(std::string_view) const override { return now; }
  std::optional<std::int64_t> fence(std::string_view) const override { return std::nullopt; }
  std::vector<Controller> others() const override { return {}; }
  Ownership now;
};

class TakeoversTest : public testing::Test {
 protected:
  void is(Kind kind, std::int64_t tenure = 0, bool is_inherited = false) {
    owners_.now = {.kind = kind, .tenure = tenure, .is_inherited = is_inherited};
    takeovers_.turn();
  }
  static std::shared_ptr<const PlacementView> view(bool is_counted = true) {
    PlacementView view;
    view.cluster = "game";
    view.instances.emplace_back().count_known = is_counted;
    return std::make_shared<const PlacementView>(view);
  }
  Takeovers::Source take_up(Told told, bool knows_past = false, bool has_past = true) {
    return takeovers_.take_up("game", told, knows_past, has_past);
  }
  bool is_elsewhere(bool has_ledger = true) {
    return takeovers_.is_elsewhere("game", has_ledger, now_);
  }

  OneOwner owners_;
  Takeovers takeovers_{&owners_};
  Instant now_{1h};
};

TEST_F(TakeoversTest, one_that_is_alone_waits_for_nobody) {
  Takeovers alone(nullptr);
  alone.tick(now_);
  EXPECT_FALSE(alone.is_unsure(now_ + 10s));
  EXPECT_FALSE(alone.is_elsewhere("game", false, now_));
  EXPECT_FALSE(alone.begin(view(false), Told::none, false, now_).waits);
  EXPECT_TRUE(alone.take_up("game", Told::none, false, true).is_complete);
  EXPECT_FALSE(alone.take_up("game", Told::none, false, false).is_complete);
  EXPECT_FALSE(alone.is_over("game"));
}

TEST_F(TakeoversTest, without_a_known_owner_we_go_on_with_what_we_have) {
  is(Kind::ours, 1, true);
  EXPECT_TRUE(is_elsewhere(false)) << "until it is taken up";
  take_up(Told::none);
  EXPECT_FALSE(is_elsewhere());
  is(Kind::nobody);
  EXPECT_FALSE(is_elsewhere());
  EXPECT_FALSE(takeovers_.is_over("game"));
  is(Kind::ours, 1);
  EXPECT_FALSE(takeovers_.is_over("game")) << "nobody else had it";
  is(Kind::others);
  EXPECT_TRUE(is_elsewhere());
  EXPECT_TRUE(takeovers_.is_over("game"));
}

// As a made-up day found it: what another had placed in between was given a second time.
TEST_F(TakeoversTest, what_another_had_while_we_had_lost_sight_of_the_owners_is_taken_up_anew) {
  is(Kind::ours, 3);
  take_up(Told::all);
  is(Kind::nobody);
  is(Kind::ours, 5);
  EXPECT_TRUE(takeovers_.is_over("game"));
  EXPECT_TRUE(is_elsewhere());
  const auto source = take_up(Told::none, true);
  EXPECT_FALSE(source.is_complete) << "what we knew of the tenure before last is all there is";
  EXPECT_FALSE(takeovers_.is_over("game"));
}

TEST_F(TakeoversTest, whom_the_next_owner_has_told_so_places_nobody_before_it_hears_of_an_owner) {
  is(Kind::ours, 1, true);
  take_up(Told::none);
  is(Kind::nobody);
  takeovers_.hand_over("game");
  EXPECT_TRUE(is_elsewhere());
  is(Kind::nobody);
  EXPECT_TRUE(is_elsewhere());
  is(Kind::ours, 1);
  is(Kind::nobody);
  EXPECT_FALSE(is_elsewhere());
}

TEST_F(TakeoversTest, who_stood_still_answers_for_nobody_before_two_seconds_have_told_whose_it_is) {
  is(Kind::ours, 1, true);
  take_up(Told::none);
  takeovers_.tick(now_);
  is(Kind::nobody);
  now_ += 1s;
  EXPECT_FALSE(is_elsewhere());
  now_ += 1s;
  EXPECT_TRUE(is_elsewhere());
  takeovers_.tick(now_);
  now_ += 100ms;
  takeovers_.tick(now_);
  EXPECT_TRUE(is_elsewhere());
  is(Kind::ours, 1);
  EXPECT_FALSE(is_elsewhere()) << "it is known";
  is(Kind::nobody);
  for (int k = 0; k < 20; ++k) takeovers_.tick(now_ += 100ms);
  EXPECT_FALSE(is_elsewhere());
}

TEST_F(TakeoversTest, a_view_waits_for_the_former_owner_s_last_word_and_for_a_count) {
  struct Row {
    const char* situation;
    Told told;
    bool tells, is_inherited, is_counted;
    Duration waits;  // for so long, at least, and not for 100 ms more
  };
  const Row rows[] = {
      {"it told all", Told::all, false, false, true, 0s},
      {"nobody ever told us", Told::none, false, false, true, 0s},
      {"it may stand still", Told::some, true, false, true, 300ms},
      {"it is still telling, for ever", Told::coming, true, false, true, 1s},
      {"nobody is counted yet", Told::all, false, false, false, 1s},
      {"it is our own past", Told::coming, true, true, true, 0s},
  };
  std::int64_t tenure = 1;
  for (const Row& row : rows) {
    is(Kind::ours, ++tenure, row.is_inherited);
    const auto begin = [&](Instant at) {
      return takeovers_.begin(view(row.is_counted), row.told, row.tells, at);
    };
    EXPECT_EQ(begin(now_).is_new, row.tells && !row.is_inherited) << row.situation;
    Duration waited{};
    for (; waited <= 2s && begin(now_ + waited).waits; waited += 50ms) {
      EXPECT_FALSE(begin(now_ + waited).is_new) << row.situation << ": it is told once";
      EXPECT_EQ(takeovers_.kept().size(), 1u) << row.situation;
    }
    EXPECT_GE(waited, row.waits) << row.situation;
    EXPECT_LE(waited, row.waits + 100ms) << row.situation;
    EXPECT_TRUE(takeovers_.kept().empty()) << row.situation;
    now_ += 10s;
  }
}

TEST_F(TakeoversTest, a_view_that_waited_when_the_cluster_was_lost_does_not_shorten_the_next_wait) {
  is(Kind::ours, 2);
  EXPECT_TRUE(takeovers_.begin(view(), Told::coming, true, now_).waits);
  is(Kind::others);
  now_ += 10s;
  is(Kind::ours, 4);
  const auto begun = takeovers_.begin(view(), Told::coming, true, now_);
  EXPECT_TRUE(begun.is_new);
  EXPECT_TRUE(begun.waits);
}

TEST_F(TakeoversTest, a_ledger_is_made_of_what_is_known_and_trusted_where_that_is_all) {
  struct Row {
    const char* situation;
    std::int64_t tenure;
    bool is_inherited;
    Told told;
    bool knows_past, has_past;
    bool is_copy, is_complete;
  };
  const Row rows[] = {
      {"the first owner ever", 1, true, Told::none, false, true, false, true},
      {"the same, without a journal", 1, true, Told::none, false, false, false, false},
      {"our former life had it", 4, true, Told::none, true, true, false, true},
      {"it ended before it knew what was in it", 4, true, Told::none, false, true, false, false},
      {"the former owner told all", 4, false, Told::all, true, true, true, true},
      {"it was cut short", 4, false, Told::coming, true, true, true, false},
      {"the one before it told something", 4, false, Told::some, true, true, true, false},
      {"nobody told anything", 4, false, Told::none, true, true, false, false},
  };
  for (const Row& row : rows) {
    is(Kind::ours, row.tenure, row.is_inherited);
    const auto source = take_up(row.told, row.knows_past, row.has_past);
    EXPECT_EQ(source.is_copy, row.is_copy) << row.situation;
    EXPECT_EQ(source.is_complete, row.is_complete) << row.situation;
  }
}

TEST(Silence, of_all_who_wait_for_one_that_does_not_answer_one_tries_it) {
  Silence silence;
  EXPECT_FALSE(silence.may_send(""));
  EXPECT_TRUE(silence.may_send("a"));
  EXPECT_TRUE(silence.may_send("a"));
  EXPECT_FALSE(silence.went("a", false));
  EXPECT_TRUE(silence.may_send("a"));
  EXPECT_FALSE(silence.may_send("a")) << "one is under way";
  EXPECT_TRUE(silence.may_send("b"));
  EXPECT_FALSE(silence.went("a", false));
  EXPECT_TRUE(silence.may_send("a")) << "the next one tries";
  EXPECT_TRUE(silence.went("a", true));
  EXPECT_TRUE(silence.may_send("a"));
  EXPECT_TRUE(silence.may_send("a"));
}

}  // namespace
}  // namespace utakata
