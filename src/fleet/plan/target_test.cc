#include "fleet/plan/target.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

const std::vector<std::string> kMetrics = {"connections", "players"};

Sample told(int serving, std::int64_t connections, std::vector<double> players = {}) {
  Sample sample{.serving = serving,
                .capacity = 500,
                .connections = connections,
                .told = serving,
                .numbers = {{}, std::move(players)}};
  return sample;
}
Proposal target(double each, const Sample& sample, std::uint16_t metric = 0) {
  return propose_target("target", {each, metric}, sample, kMetrics);
}

TEST(Target, so_many_connections_on_each) {
  EXPECT_EQ(target(400, told(3, 1240)), (Proposal{"target", 4, "1,240 connections need 4 of 400"}));
  EXPECT_EQ(target(400, told(3, 1200)).want, 3);
  EXPECT_EQ(target(400, told(3, 0)).want, 0);
  EXPECT_EQ(target(0.5, told(3, 3)).want, 6);
}

TEST(Target, who_is_held_waits_or_is_silent_counts_too) {
  Sample sample = told(3, 400);
  sample.seats_held = 100, sample.waiting = 200, sample.connections_silent = 300;
  EXPECT_EQ(
      target(400, sample),
      (Proposal{"target", 3,
                "400 connections + 100 held + 200 waiting + 300 of silent instances need 3 of "
                "400"}));
}

TEST(Target, another_number_than_connections) {
  EXPECT_EQ(target(100, told(3, 9, {150, 120, 60}), 1),
            (Proposal{"target", 4, "330 players in all need 4 of 100"}));
}

TEST(Target, who_does_not_tell_keeps_its_place_and_no_more) {
  EXPECT_EQ(target(100, told(3, 9, {20}), 1),
            (Proposal{"target", 3,
                      "20 players in all need 1 of 100; 2 of unknown count keep their place"}));
  EXPECT_EQ(target(100, told(3, 9), 1),
            (Proposal{"target", std::nullopt, "none of 3 serving tells its players"}));
  Sample sample = told(3, 0);
  sample.told = 0, sample.untold = 3;
  EXPECT_EQ(target(100, sample).want, std::nullopt) << "unknown is not zero";
}

TEST(Target, a_mad_number_does_not_overflow) {
  EXPECT_EQ(target(1e-9, told(3, 1), 0).want, 1'000'000'000);
  EXPECT_EQ(target(1, told(3, 1, {-5e300}), 1).want, 2) << "two keep their place";
}

}  // namespace
}  // namespace utakata
