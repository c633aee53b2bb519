#include "fleet/plan/auto_headroom.h"

#include <gtest/gtest.h>

#include "fleet/plan/function.h"

namespace utakata {
namespace {

// So many a second come and stay; what does the rule want after a while?
class Evening {
 public:
  explicit Evening(Duration boot) {
    for (int k = 0; k < 20; ++k) boots_.ready(boot, 1);
    auto_headroom(samples_, "headroom").each([this](Instant, const Proposal& p) { last = p; });
  }
  void seconds(int n, int arrivals) {
    for (int k = 0; k < n; ++k) {
      now_ += 1s;
      people_ += arrivals;
      samples_.push(now_, {.serving = 10,
                           .capacity = 100,
                           .connections = people_,
                           .granted = people_,
                           .told = 10,
                           .numbers = {},
                           .boots = &boots_});
    }
  }
  Proposal last;

 private:
  Stream<Sample> samples_;
  BootTimes boots_;
  Instant now_{};
  std::int64_t people_ = 0;
};

TEST(AutoHeadroom, is_what_comes_while_one_boots_and_a_fifth) {
  Evening evening(40s);
  evening.seconds(20, 5);
  // 100 there; 5 a second x 40 s = 200, a fifth more: 240. Four boot in 40 s: one wave.
  EXPECT_EQ(evening.last.because,
            "100 connections + 240 headroom (5 arrive a second, p95, and a boot takes 40s, p95) "
            "need 4 of 100");
  EXPECT_EQ(evening.last.want, 4);
}

TEST(AutoHeadroom, nobody_comes_a_tenth_of_one_is_kept) {
  Evening evening(40s);
  evening.seconds(30, 0);
  EXPECT_EQ(evening.last.want, 1);
}

TEST(AutoHeadroom, a_rush_does_not_wait_for_its_percentile_and_is_remembered_after_it) {
  Evening evening(40s);
  evening.seconds(600, 1);
  const int calm = *evening.last.want;
  evening.seconds(10, 50);
  const int rush = *evening.last.want;
  EXPECT_GE(rush, calm + 24) << "50 x 40 s x 1.2 = 24 instances of 100";
  evening.seconds(60, 50);
  evening.seconds(300, 0);
  EXPECT_GE(*evening.last.want, 36 + 24) << "3,600 and more there, and the rush is in the window";
  evening.seconds(600, 0);
  EXPECT_LE(*evening.last.want, 43);
}

TEST(AutoHeadroom, who_waits_in_line_arrives_once) {
  Stream<Sample> samples;
  Proposal last;
  auto_headroom(samples, "headroom").each([&](Instant, const Proposal& p) { last = p; });
  BootTimes boots;
  // Ten a second come, wait in a line whose length goes up and down, and are taken.
  for (int k = 0; k < 60; ++k) {
    const int waiting = k % 2 ? 80 : 40;
    samples.push(Instant{} + k * 1s, {.serving = 1,
                                      .capacity = 100,
                                      .waiting = waiting,
                                      .granted = 10 * k - waiting + 40,
                                      .accepted = 10 * (k - 1),
                                      .told = 1,
                                      .numbers = {},
                                      .boots = &boots,
                                      .boot_unmeasured = 10s});
  }
  EXPECT_NE(last.because.find("(10 arrive a second"), std::string::npos) << last.because;
}

TEST(AutoHeadroom, what_instances_took_counts_where_placement_does_not_tell) {
  Stream<Sample> samples;
  Proposal last;
  auto_headroom(samples, "headroom").each([&](Instant, const Proposal& p) { last = p; });
  BootTimes boots;
  for (int k = 0; k < 30; ++k)
    samples.push(Instant{} + k * 1s, {.serving = 1,
                                      .capacity = 100,
                                      // At the 20th second one with 5,000 to its name leaves.
                                      .accepted = k < 20 ? 5000 + 10 * k : 10 * k,
                                      .told = 1,
                                      .numbers = {},
                                      .boots = &boots,
                                      .boot_unmeasured = 10s});
  EXPECT_EQ(last.want, 2) << last.because;
  EXPECT_NE(last.because.find("10s, not measured yet"), std::string::npos) << last.because;
}

TEST(Function, counts_while_it_is_fresh) {
  const FunctionRule rule{.function = "forecast", .stale = 5min};
  std::vector<FunctionAnswer> answers;
  const Sample sample{.numbers = {}, .answers = &answers};
  EXPECT_EQ(propose_function("forecast", rule, sample),
            (Proposal{"forecast", std::nullopt, "forecast has not answered yet"}));
  answers = {{"other", 99, "", 1s}, {"forecast", 11.2, "tickets sold", 42s}};
  EXPECT_EQ(propose_function("forecast", rule, sample),
            (Proposal{"forecast", 12, "forecast said 11.2 42s ago: tickets sold"}));
  answers[1].age = 6min;
  EXPECT_EQ(propose_function("forecast", rule, sample),
            (Proposal{"forecast", std::nullopt, "forecast said 11.2 6m ago: stale after 5m"}));
}

}  // namespace
}  // namespace utakata
