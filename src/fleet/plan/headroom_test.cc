#include "fleet/plan/headroom.h"

#include <gtest/gtest.h>

namespace utakata {
namespace {

constexpr Amount percent(double value) { return {value, true}; }
constexpr Amount seats(double value) { return {value, false}; }

Sample told(int serving, std::int64_t connections, std::int64_t held = 0, int waiting = 0) {
  return {.serving = serving,
          .capacity = 500,
          .connections = connections,
          .seats_held = held,
          .waiting = waiting,
          .told = serving,
          .numbers = {}};
}

TEST(Headroom, says_how_many_and_why) {
  struct Case {
    Amount headroom;
    Sample sample;
    int want;
    const char* because;
  };
  const Case cases[] = {
      {percent(30), told(3, 1240, 12), 4,
       "1,240 connections + 12 held + 30 % headroom need 4 of 500"},
      {percent(30), told(3, 0), 0, "0 connections + 30 % headroom need 0 of 500"},
      {seats(200), told(3, 0), 1, "0 connections + 200 headroom need 1 of 500"},
      {seats(0), told(3, 1), 1, "1 connection + 0 headroom need 1 of 500"},
      {seats(0), told(3, 1000), 2, "1,000 connections + 0 headroom need 2 of 500"},
      {seats(0), told(3, 1001), 3, "1,001 connections + 0 headroom need 3 of 500"},
      {percent(25), told(2, 800), 2, "800 connections + 25 % headroom need 2 of 500"},
      {percent(30), told(2, 10, 0, 488), 2,
       "10 connections + 488 waiting + 30 % headroom need 2 of 500"},
      {percent(12.5), told(2, 400, 400), 2,
       "400 connections + 400 held + 12.5 % headroom need 2 of 500"},
      {seats(100), told(0, 0, 0, 950), 3,
       "0 connections + 950 waiting + 100 headroom need 3 of 500"},
  };
  for (const auto& [headroom, sample, want, because] : cases) {
    const Proposal proposal = propose_headroom("headroom", {headroom}, sample);
    EXPECT_EQ(proposal.want, want) << because;
    EXPECT_EQ(proposal.because, because);
  }
}

TEST(Headroom, rounding_asks_for_no_seat_too_many) {
  for (int connections = 10; connections <= 5000; connections += 10) {
    Sample sample = told(1, connections);
    sample.capacity = 1;
    EXPECT_EQ(propose_headroom("headroom", {percent(30)}, sample).want,
              connections + connections * 3 / 10);
  }
}

TEST(Headroom, an_instance_whose_count_got_lost_is_taken_as_full) {
  Sample sample = told(3, 900);
  sample.serving = 4, sample.lost = 1;
  const Proposal proposal = propose_headroom("headroom", {seats(200)}, sample);
  EXPECT_EQ(proposal.want, 4);  // 900 + 200 + 500
  EXPECT_EQ(proposal.because,
            "900 connections + 200 headroom + 1 of unknown count, taken as full, need 4 of 500");
}

TEST(Headroom, an_instance_that_never_told_keeps_its_place_and_asks_for_no_other) {
  Sample sample = told(1, 100);
  sample.serving = 2, sample.untold = 1;
  EXPECT_EQ(propose_headroom("headroom", {percent(30)}, sample).want, 2);
  EXPECT_EQ(propose_headroom("headroom", {percent(30)}, sample).because,
            "100 connections + 30 % headroom need 1 of 500; 1 of unknown count keep their place");
  sample.connections =
      600;  // two are needed, and the untold one may be no help: but see the next test
  EXPECT_EQ(propose_headroom("headroom", {percent(30)}, sample).want, 2);
}

TEST(Headroom, a_version_that_never_tells_its_count_does_not_fill_the_cluster) {
  Sample sample = told(2, 1000);
  int size = 2;
  for (int round = 0; round < 20; ++round) {  // all that it launches is as broken
    const int want = *propose_headroom("headroom", {seats(200)}, sample).want;
    size = std::max(size, want);
    sample.serving = size, sample.untold = size - 2;
  }
  EXPECT_EQ(size, 3);
}

TEST(Headroom, when_nobody_tells_a_count_it_has_no_opinion) {
  Sample sample = told(0, 0);
  sample.serving = 4, sample.lost = 3, sample.untold = 1;
  const Proposal proposal = propose_headroom("headroom", {seats(200)}, sample);
  EXPECT_EQ(proposal.want, std::nullopt);
  EXPECT_EQ(proposal.because, "none of 4 serving tells its count: unknown is not zero");
}

TEST(Headroom, clients_of_a_silent_instance_will_be_back) {
  Sample sample = told(3, 1140);
  sample.connections_silent = 380;
  const Proposal proposal = propose_headroom("headroom", {percent(30)}, sample);
  EXPECT_EQ(proposal.want, 4);
  EXPECT_EQ(proposal.because,
            "1,140 connections + 380 of silent instances + 30 % headroom need 4 of 500");
}

TEST(Headroom, absurd_numbers_do_not_overflow) {
  Sample sample = told(3, std::int64_t{1} << 50);
  EXPECT_EQ(propose_headroom("headroom", {percent(1e300)}, sample).want, 1'000'000'000);
  EXPECT_EQ(propose_headroom("headroom", {seats(-5)}, told(1, 500)).want, 1);
}

}  // namespace
}  // namespace utakata
