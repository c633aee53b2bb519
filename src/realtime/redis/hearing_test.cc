#include "realtime/redis/hearing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace utakata::realtime {
namespace {

using Texts = std::vector<std::string>;

struct Ear {
  const RedisNames names{"u"};
  Texts told;
  RedisHearing hearing{names, 4'096, [this](const BusWord& word) { told.emplace_back(word.body); }};
  Instant now{1h};
  bool plain(std::uint64_t process, std::uint64_t number) {
    return hearing.live(redis_envelope_bytes({.process = process,
                                              .number = number,
                                              .channel = "x",
                                              .body = fmt::format("{}:{}", process, number)}),
                        now);
  }
  static std::string kept_bytes(std::string_view at, std::uint64_t process, std::uint64_t number) {
    const auto colon = at.find(':');  // "e1:7": epoch and offset
    return redis_envelope_bytes({.process = process,
                                 .number = number,
                                 .age_ms = 60'000,
                                 .offset = std::stoull(std::string(at.substr(colon + 1))),
                                 .serial = 1,
                                 .epoch = at.substr(0, colon),
                                 .tenant = "t",
                                 .channel = "x",
                                 .body = at});
  }
  bool kept(std::string_view at, std::uint64_t process, std::uint64_t number) {
    return hearing.live(kept_bytes(at, process, number), now);
  }
  void read(std::string_view at, std::uint64_t process, std::uint64_t number) {
    EXPECT_TRUE(hearing.kept(words(), kept_bytes(at, process, number), now));
  }
  std::string words() const { return names.words("t", "x"); }
  Texts take() { return std::exchange(told, {}); }
};

TEST(RedisHearing, what_was_kept_comes_before_what_waits_and_each_once) {
  Ear ear;
  EXPECT_TRUE(ear.plain(1, 1));
  EXPECT_TRUE(ear.kept("e:3", 1, 4));
  EXPECT_TRUE(ear.plain(1, 5));
  EXPECT_TRUE(ear.kept("e:4", 2, 1));
  EXPECT_EQ(ear.take(), Texts{});
  for (int i = 1; i <= 4; ++i) ear.read(fmt::format("e:{}", i), i < 4 ? 1 : 2, i < 4 ? i + 1 : 1);
  EXPECT_EQ(ear.take(), (Texts{"e:1", "e:2"}));  // the rest is told in its turn
  ear.hearing.end_gap(ear.now);
  EXPECT_EQ(ear.take(), (Texts{"1:1", "e:3", "1:5", "e:4"}));
  ear.hearing.begin_gap();
  for (int i = 1; i <= 4; ++i) ear.read(fmt::format("e:{}", i), i < 4 ? 1 : 2, i < 4 ? i + 1 : 1);
  ear.hearing.end_gap(ear.now);
  EXPECT_EQ(ear.take(), Texts{});
}

TEST(RedisHearing, what_a_process_sends_again_is_told_once) {
  Ear ear;
  ear.hearing.end_gap(ear.now);
  // The first sending is still in a socket while the second is done: 1 2 | 1 2 3 | 2 again.
  for (const int number : {1, 2, 1, 2, 3, 2, 4}) EXPECT_TRUE(ear.plain(7, std::uint64_t(number)));
  EXPECT_TRUE(ear.plain(8, 1));
  EXPECT_EQ(ear.take(), (Texts{"7:1", "7:2", "7:3", "7:4", "8:1"}));
}

TEST(RedisHearing, what_was_kept_in_a_redis_that_died_is_not_told_again_by_the_next) {
  Ear ear;
  ear.hearing.end_gap(ear.now);
  EXPECT_TRUE(ear.kept("e:1", 7, 1));
  EXPECT_TRUE(ear.kept("e:2", 7, 2));
  ear.hearing.begin_gap();
  ear.read("f:1", 7, 2);  // process 7 did not know that it was done
  ear.read("f:2", 7, 3);
  ear.hearing.end_gap(ear.now);
  EXPECT_TRUE(ear.kept("f:3", 8, 1));
  EXPECT_EQ(ear.take(), (Texts{"e:1", "e:2", "f:2", "f:3"}));
  EXPECT_FALSE(ear.hearing.hole());
}

TEST(RedisHearing, behind_a_hole_all_waits_until_it_is_filled) {
  Ear ear;
  ear.hearing.end_gap(ear.now);
  EXPECT_TRUE(ear.kept("e:1", 7, 1));
  EXPECT_TRUE(ear.kept("e:4", 7, 4));
  EXPECT_TRUE(ear.plain(7, 5));
  EXPECT_EQ(ear.take(), Texts{"e:1"});
  ASSERT_TRUE(ear.hearing.hole());
  EXPECT_EQ(ear.hearing.hole()->words, ear.words());
  EXPECT_EQ(ear.hearing.hole()->before, (Position{"e", 4}));
  EXPECT_EQ(ear.hearing.known(ear.words()), (Position{"e", 1}));
  for (int i = 3; i <= 5; ++i) ear.read(fmt::format("e:{}", i), 7, std::uint64_t(i));  // 2 is lost
  EXPECT_EQ(ear.take(), Texts{"e:3"});
  ear.hearing.hole_filled(ear.now);
  EXPECT_EQ(ear.take(), (Texts{"e:4", "7:5"}));
  EXPECT_FALSE(ear.hearing.hole());
  EXPECT_TRUE(ear.kept("f:2", 7, 6));  // another epoch has a beginning, too
  EXPECT_TRUE(ear.kept("f:5", 7, 9));  // and a hole behind the hole
  ASSERT_TRUE(ear.hearing.hole());
  ear.read("f:1", 9, 1);
  ear.hearing.hole_filled(ear.now);
  EXPECT_EQ(ear.take(), (Texts{"f:1", "f:2"}));
  ASSERT_TRUE(ear.hearing.hole());
  ear.hearing.hole_filled(ear.now);
  EXPECT_EQ(ear.take(), Texts{"f:5"});
}

TEST(RedisHearing, more_than_may_wait_is_refused) {
  Ear ear;
  std::uint64_t number = 0;
  while (number < 100 && ear.plain(7, number + 1)) ++number;
  EXPECT_GT(number, 10u);
  EXPECT_LT(number, 32u);
  ear.hearing.begin_gap();
  EXPECT_TRUE(ear.plain(7, 1));
}

TEST(RedisHearing, a_channel_is_forgotten_a_minute_after_its_age) {
  Ear ear;
  ear.hearing.end_gap(ear.now);
  EXPECT_TRUE(ear.kept("e:1", 7, 1));
  ear.now += 100s;
  EXPECT_TRUE(ear.kept("e:2", 7, 2));
  ear.now += 119s;
  ear.hearing.forget(ear.now);
  EXPECT_EQ(ear.hearing.channels(), 1u);
  ear.now += 1s;
  ear.hearing.forget(ear.now);
  EXPECT_EQ(ear.hearing.channels(), 0u);
  EXPECT_TRUE(ear.kept("f:1", 7, 3));
  EXPECT_EQ(ear.take(), (Texts{"e:1", "e:2", "f:1"}));
}

TEST(RedisHearing, processes_that_were_heard_last_are_remembered) {
  Ear ear;
  ear.hearing.end_gap(ear.now);
  for (std::uint64_t process = 1; process <= 10'000; ++process) {
    EXPECT_TRUE(ear.plain(process, 1));
    EXPECT_TRUE(ear.plain(1, process));  // heard between all the others
  }
  EXPECT_EQ(ear.take().size(), 19'999u);  // 1:1 came twice
}

TEST(RedisHearing, words_of_another_channel_are_none_of_this) {
  Ear ear;
  EXPECT_FALSE(ear.hearing.kept(ear.names.words("t", "y"), Ear::kept_bytes("e:1", 7, 1), ear.now));
  EXPECT_FALSE(ear.hearing.kept(ear.words(), "junk", ear.now));
  EXPECT_TRUE(ear.hearing.live("junk", ear.now));
  EXPECT_EQ(ear.hearing.dropped(), 3u);
}

}  // namespace
}  // namespace utakata::realtime
